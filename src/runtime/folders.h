// Folders of the disk.
#ifndef SOK_RUNTIME_FOLDERS_H
#define SOK_RUNTIME_FOLDERS_H

#include "base/compiler.h"
#include "base/status.h"

// Removes a folder with everything in it, or a file; nothing there is fine, and what cannot be removed stays.
// A link goes, what it leads to does not; other file systems that are mounted inside are left alone. Blocks.
void sok_folder_remove(const char *path);

// Names that were made, renamed or removed in the folder are on the disk after it. SOK_IO; not every file
// system can, so that it may be ignored. Blocks.
enum sok_status sok_folder_sync(const char *path, struct sok_error *err);

// Renames a folder or a file; one that is at the new place goes. SOK_IO.
SOK_MUST_CHECK enum sok_status sok_folder_move(const char *from, const char *to, struct sok_error *err);

#endif
