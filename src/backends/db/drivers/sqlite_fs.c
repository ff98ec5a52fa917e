#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "backends/db/drivers/sqlite.h"
#include "base/text.h"

// f_type values of statfs(2) and linux/magic.h. WAL needs shared memory between processes and locks that
// hold, which these do not give.
static const struct {
    uint64_t magic;
    const char *name;
} refused_magics[] = {
    {0x6969, "NFS"},        {0x517b, "SMB"},      {0xff534d42, "CIFS"},  {0xfe534d42, "SMB2"},
    {0x01021997, "9P"},     {0x5346414f, "AFS"},  {0x6b414653, "AFS"},   {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"}, {0x73757245, "Coda"},
    {0x786f4256, "vboxsf"},
};

#define FUSE_MAGIC 0x65735546u

// Behind FUSE lies anything; these reach over a network. Local ones (ntfs-3g, mergerfs) are let through.
static const char *const refused_fuse[] = {
    "sshfs",  "rclone",  "glusterfs", "cephfs", "s3fs",    "davfs",   "curlftpfs",
    "goofys", "gcsfuse", "smbnetfs",  "nfs",    "juicefs", "moosefs", "seaweedfs",
};

static enum sok_status refuse(const char *name, struct sok_error *err)
{
    return sok_fail(
        err, SOK_UNSUPPORTED,
        "the database must lie on a local disk: this folder is on %s, where SQLite's locks do not hold",
        name);
}

enum sok_status sok_sqlite_check_fs_type(uint64_t magic, const char *type, struct sok_error *err)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(refused_magics); i++)
        if (refused_magics[i].magic == magic)
            return refuse(refused_magics[i].name, err);
    if (magic != FUSE_MAGIC || !type)
        return SOK_OK;
    const char *name = sok_text_starts(type, "fuse.") ? type + 5 : type;
    for (size_t i = 0; i < SOK_ARRAY_LEN(refused_fuse); i++)
        if (sok_text_starts(name, refused_fuse[i]))
            return refuse(name, err);
    return SOK_OK;
}

// The type in /proc/self/mountinfo of the mount with this device number: "36 35 98:0 ... - ext4 /dev/sda
// ...".
static bool mount_type(dev_t device, char *ret_type, size_t size)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return false;
    char line[2048];
    bool found = false;
    while (!found && fgets(line, sizeof(line), file)) {
        unsigned major_number, minor_number;
        const char *behind = strstr(line, " - ");
        if (!behind || sscanf(line, "%*d %*d %u:%u", &major_number, &minor_number) != 2)
            continue;
        if (makedev(major_number, minor_number) != device)
            continue;
        size_t len = strcspn(behind + 3, " \n");
        if (len < size) {
            memcpy(ret_type, behind + 3, len);
            ret_type[len] = '\0';
            found = true;
        }
    }
    fclose(file);
    return found;
}

enum sok_status sok_sqlite_check_fs(const char *path, struct sok_error *err)
{
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return SOK_OK; // opening the file will say what is wrong
    char type[64] = "";
    struct stat st;
    bool known = (uint32_t)fs.f_type == FUSE_MAGIC && stat(path, &st) == 0 &&
                 mount_type(st.st_dev, type, sizeof(type));
    return sok_sqlite_check_fs_type((uint32_t)fs.f_type, known ? type : NULL, err);
}
