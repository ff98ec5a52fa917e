// The only C++ of the program: libtorrent-rasterbar 2.0 behind the C functions of libtorrent.h. It translates
// and decides nothing; what a torrent may contain is torrent_check.c's business.
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/magnet_uri.hpp>
#include <libtorrent/read_resume_data.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>
#include <libtorrent/version.hpp>
#include <libtorrent/write_resume_data.hpp>

// In C a struct and a function may share a name, and the headers make use of it.
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "base/encode.h"
#include "base/text.h"
#include "services/torrent/libtorrent.h"
}

namespace
{

constexpr int token_limit = 2000000;

// Runs `body` and turns whatever it throws into a status. Running out of memory ends the process, as it does
// everywhere else in the program.
template <typename Body> enum sok_status guarded(struct sok_error *err, Body body) noexcept
{
    try {
        return body();
    } catch (std::bad_alloc const &) {
        sok_panic("out of memory inside libtorrent");
    } catch (lt::system_error const &e) {
        return sok_fail(err, SOK_INTERNAL, "torrent session: %s", e.code().message().c_str());
    } catch (std::exception const &e) {
        return sok_fail(err, SOK_INTERNAL, "torrent session: %s", e.what());
    } catch (...) {
        return sok_fail(err, SOK_INTERNAL, "torrent session: unknown failure");
    }
}

// The same for calls whose failure means nothing more than "the torrent is gone".
template <typename Body> bool tried(Body body) noexcept
{
    struct sok_error err = {};
    return guarded(&err, [&] {
               body();
               return SOK_OK;
           }) == SOK_OK;
}

enum sok_status malformed(struct sok_error *err, char const *why)
{
    enum sok_status status = sok_fail(err, SOK_INVALID, "not a torrent: %s", why);
    if (err)
        err->code = "torrent_malformed";
    return status;
}

struct sok_lt_text text_of(lt::string_view view)
{
    return {view.data(), view.size()};
}

char *copy(struct sok_arena *arena, lt::string_view text)
{
    return sok_utf8_clean(arena, text.data(), text.size());
}

void *copy_bytes(struct sok_arena *arena, char const *bytes, std::size_t len)
{
    void *memory = sok_alloc(arena, len);
    std::memcpy(memory, bytes, len);
    return memory;
}

void format_key(lt::info_hash_t const &hashes, char ret_key[SOK_TORRENT_KEY_LEN + 1])
{
    lt::sha1_hash const hash = hashes.has_v1() ? hashes.v1 : hashes.get_best();
    sok_hex_encode(hash.data(), static_cast<std::size_t>(lt::sha1_hash::size()), ret_key);
}

enum sok_status status_of(lt::error_code const &ec)
{
    if (!ec)
        return SOK_OK;
    bool const is_errno = ec.category() == boost::system::system_category() ||
                          ec.category() == boost::system::generic_category();
    if (is_errno && (ec.value() == ENOSPC || ec.value() == EDQUOT))
        return SOK_NO_SPACE;
    return SOK_IO;
}

// --- Walking a torrent's own words.

bool has_letter(lt::string_view text, char letter)
{
    return text.find(letter) != lt::string_view::npos;
}

void add_part(struct sok_lt_raw_file &file, lt::string_view part)
{
    if (file.part_count < SOK_LT_DEPTH_MAX)
        file.parts[file.part_count++] = text_of(part);
    else
        file.part_count = SOK_LT_DEPTH_MAX + 1;
}

void note_attributes(struct sok_lt_raw_file &file, lt::bdecode_node const &dict)
{
    lt::string_view const attr = dict.dict_find_string_value("attr");
    file.is_link = has_letter(attr, 'l') || bool(dict.dict_find("symlink path"));
    file.is_pad = has_letter(attr, 'p');
}

struct walker {
    sok_lt_raw_visit visit;
    void *context;
    struct sok_error *err;

    enum sok_status list_v1(lt::bdecode_node const &files, char const *path_key)
    {
        for (int i = 0; i < files.list_size(); i++) {
            lt::bdecode_node const dict = files.list_at(i);
            if (dict.type() != lt::bdecode_node::dict_t)
                return malformed(err, "a file is not a dictionary");
            lt::bdecode_node const path = dict.dict_find_list(path_key);
            if (!path)
                continue;
            struct sok_lt_raw_file file = {};
            for (int p = 0; p < path.list_size(); p++)
                add_part(file, path.list_string_value_at(p));
            file.size_bytes = dict.dict_find_int_value("length", -1);
            note_attributes(file, dict);
            SOK_TRY(visit(&file, context, err));
        }
        return SOK_OK;
    }

    // The v2 tree (BEP 52): folders are dictionaries; a file is a dictionary whose only key is empty.
    enum sok_status tree_v2(lt::bdecode_node const &folder, struct sok_lt_raw_file &so_far, int depth)
    {
        if (depth > SOK_LT_DEPTH_MAX + 1)
            return visit(&so_far, context, err);
        for (int i = 0; i < folder.dict_size(); i++) {
            auto const [name, node] = folder.dict_at(i);
            if (node.type() != lt::bdecode_node::dict_t)
                return malformed(err, "a folder of the file tree is not a dictionary");
            struct sok_lt_raw_file file = so_far;
            add_part(file, name);
            lt::bdecode_node const leaf = node.dict_find_dict("");
            if (!leaf) {
                SOK_TRY(tree_v2(node, file, depth + 1));
                continue;
            }
            file.size_bytes = leaf.dict_find_int_value("length", -1);
            note_attributes(file, leaf);
            SOK_TRY(visit(&file, context, err));
        }
        return SOK_OK;
    }

    enum sok_status name(lt::bdecode_node const &info, char const *key)
    {
        lt::bdecode_node const node = info.dict_find_string(key);
        if (!node)
            return SOK_OK;
        struct sok_lt_raw_file file = {};
        add_part(file, node.string_value());
        file.size_bytes = -1;
        return visit(&file, context, err);
    }

    enum sok_status info(lt::bdecode_node const &info)
    {
        if (!info.dict_find_string("name") && !info.dict_find_string("name.utf-8"))
            return malformed(err, "it has no name");
        SOK_TRY(name(info, "name"));
        SOK_TRY(name(info, "name.utf-8"));
        lt::bdecode_node const files = info.dict_find_list("files");
        lt::bdecode_node const tree = info.dict_find_dict("file tree");
        if (files) {
            SOK_TRY(list_v1(files, "path"));
            SOK_TRY(list_v1(files, "path.utf-8"));
        } else if (!tree) {
            struct sok_lt_raw_file file = {};
            add_part(file, info.dict_find_string_value("name"));
            file.size_bytes = info.dict_find_int_value("length", -1);
            note_attributes(file, info);
            SOK_TRY(visit(&file, context, err));
        }
        struct sok_lt_raw_file root = {};
        return tree ? tree_v2(tree, root, 0) : SOK_OK;
    }
};

void describe_files(struct sok_arena *arena, lt::file_storage const &files, struct sok_torrent_info *ret)
{
    ret->file_count = static_cast<std::size_t>(files.num_files());
    ret->files =
        static_cast<struct sok_torrent_file *>(sok_alloc_array(arena, ret->file_count, sizeof(*ret->files)));
    for (lt::file_index_t const i : files.file_range()) {
        struct sok_torrent_file *file = &ret->files[static_cast<int>(i)];
        file->index = static_cast<int>(i);
        file->path = copy(arena, files.file_path(i));
        file->size_bytes = files.file_size(i);
        file->offset = files.file_offset(i);
        if (files.pad_file_at(i))
            file->flags = SOK_TORRENT_FILE_PAD;
        else
            ret->size_bytes += file->size_bytes;
    }
}

void describe(struct sok_arena *arena, lt::torrent_info const &info, struct sok_torrent_info *ret)
{
    *ret = {};
    format_key(info.info_hashes(), ret->key);
    ret->name = copy(arena, info.name());
    ret->piece_bytes = info.piece_length();
    ret->piece_count = info.num_pieces();
    ret->is_private = info.priv();
    describe_files(arena, info.files(), ret);
}

lt::load_torrent_limits limits()
{
    lt::load_torrent_limits limits;
    limits.max_buffer_size = static_cast<int>(SOK_TORRENT_FILE_MAX_BYTES);
    limits.max_decode_depth = SOK_LT_DEPTH_MAX * 2 + 8;
    limits.max_decode_tokens = token_limit;
    limits.max_pieces = 1 << 20;
    return limits;
}

// An info dictionary as a .torrent of its own. `extra` come before "info" and must sort so. The hashes of a
// v2 torrent's pieces are not at hand here, and peers have them; but the key must be there.
std::string wrap_info(lt::span<char const> info, std::string const &extra)
{
    std::string torrent = "d" + extra + "4:info";
    torrent.append(info.data(), static_cast<std::size_t>(info.size()));
    torrent += "12:piece layersdee";
    return torrent;
}

} // namespace

enum sok_status sok_lt_walk(
    const void *bytes, size_t len, sok_lt_raw_visit visit, void *context, struct sok_error *err)
{
    return guarded(
        err, [&]() -> enum sok_status {
            lt::error_code ec;
            int where = 0;
            lt::span<char const> const buffer(
                static_cast<char const *>(bytes), static_cast<std::ptrdiff_t>(len));
            lt::bdecode_node const root =
                lt::bdecode(buffer, ec, &where, limits().max_decode_depth, limits().max_decode_tokens);
            if (ec)
                return malformed(err, ec.message().c_str());
            if (root.type() != lt::bdecode_node::dict_t)
                return malformed(err, "no dictionary");
            lt::bdecode_node const info = root.dict_find_dict("info");
            if (!info)
                return malformed(err, "no info dictionary");
            return walker{visit, context, err}.info(info);
        });
}

enum sok_status sok_lt_describe(
    struct sok_arena *arena, const void *bytes, size_t len, struct sok_torrent_info *ret,
    struct sok_error *err)
{
    return guarded(
        err, [&]() -> enum sok_status {
            lt::span<char const> const buffer(
                static_cast<char const *>(bytes), static_cast<std::ptrdiff_t>(len));
            try {
                lt::torrent_info const info(buffer, limits(), lt::from_span);
                describe(arena, info, ret);
            } catch (lt::system_error const &e) {
                return malformed(err, e.code().message().c_str());
            }
            return SOK_OK;
        });
}

// --- The session.

struct sok_lt_session {
    lt::session session;

    explicit sok_lt_session(lt::session_params params) : session(std::move(params))
    {
    }
};

namespace
{

// Looks at metadata that came from strangers on libtorrent's own thread, before a first block is asked for:
// what is refused never gets to download. (Wanting no file until it is judged would do, too, but then every
// seeder hangs up on us.) The alert thread judges again and says why.
struct gatekeeper : lt::torrent_plugin {
    lt::torrent_handle handle;

    explicit gatekeeper(lt::torrent_handle torrent) : handle(std::move(torrent))
    {
    }

    void on_files_checked() override
    {
        std::shared_ptr<const lt::torrent_info> const info = handle.torrent_file();
        if (!info || !info->is_valid())
            return;
        std::string const torrent = wrap_info(info->info_section(), "");
        struct sok_error err = {};
        struct sok_torrent_info judged;
        struct sok_arena *scratch = sok_arena_new(0);
        if (sok_torrent_inspect(scratch, torrent.data(), torrent.size(), &judged, &err) != SOK_OK)
            handle.set_flags(lt::torrent_flags::paused | lt::torrent_flags::upload_mode);
        sok_arena_free(scratch);
    }
};

} // namespace

struct sok_lt_torrent {
    lt::torrent_handle handle;
};

struct sok_lt_params {
    lt::add_torrent_params atp;
};

static int rate_limit(int64_t kib)
{
    return kib > 0 && kib < INT_MAX / 1024 ? static_cast<int>(kib * 1024) : 0;
}

// Only one address, and that one loopback: a swarm on one host, where every peer has the same address.
static bool is_loopback(const char *listen)
{
    std::string const text = listen;
    bool const is_one = text.find(',') == std::string::npos;
    return is_one && (text.compare(0, 4, "127.") == 0 || text.compare(0, 5, "[::1]") == 0);
}

static lt::settings_pack settings(const struct sok_torrents_options *options)
{
    lt::settings_pack pack;
    std::string const agent = options->user_agent ? options->user_agent : "Sokoul/" SOK_VERSION;
    pack.set_str(lt::settings_pack::user_agent, agent);
    pack.set_str(lt::settings_pack::peer_fingerprint, lt::generate_fingerprint("SK", 0, 1, 0, 0));
    pack.set_str(lt::settings_pack::listen_interfaces, options->listen);
    pack.set_bool(lt::settings_pack::enable_dht, options->dht);
    pack.set_bool(lt::settings_pack::enable_lsd, options->lsd);
    pack.set_bool(lt::settings_pack::enable_upnp, options->upnp);
    pack.set_bool(lt::settings_pack::enable_natpmp, options->upnp);
    pack.set_bool(
        lt::settings_pack::allow_multiple_connections_per_ip,
        options->many_per_address || is_loopback(options->listen));
    pack.set_int(lt::settings_pack::download_rate_limit, rate_limit(options->down_kib));
    pack.set_int(lt::settings_pack::upload_rate_limit, rate_limit(options->up_kib));
    pack.set_int(
        lt::settings_pack::alert_mask,
        static_cast<int>(static_cast<std::uint32_t>(
            lt::alert_category::error | lt::alert_category::status | lt::alert_category::storage |
            lt::alert_category::piece_progress)));
    pack.set_int(lt::settings_pack::alert_queue_size, 20000);
    pack.set_int(lt::settings_pack::stop_tracker_timeout, 2);
    pack.set_int(lt::settings_pack::max_metadata_size, static_cast<int>(SOK_TORRENT_FILE_MAX_BYTES));
    pack.set_int(lt::settings_pack::metadata_token_limit, token_limit);
    // libtorrent tries uTP before TCP, which moves a tenth of the bytes at the same cost. Peers may still
    // come by uTP.
    pack.set_bool(lt::settings_pack::enable_outgoing_utp, false);
    // A pause ends the connections; who resumes does not want to wait the usual minute for the same peers.
    pack.set_int(lt::settings_pack::min_reconnect_time, 10);
    // Plain reads and writes instead of memory maps: a full disk is an error, not a SIGBUS, and a reader sees
    // a piece as soon as it is written.
    pack.set_int(lt::settings_pack::mmap_file_size_cutoff, INT_MAX);
    return pack;
}

// By default libtorrent lets peers of the local network pass the limits. An operator who sets one means it.
static void limit_every_peer(lt::session &session)
{
    std::uint32_t const global = 1u << static_cast<std::uint32_t>(lt::session::global_peer_class_id);
    lt::ip_filter every;
    every.add_rule(lt::make_address("0.0.0.0"), lt::make_address("255.255.255.255"), global);
    every.add_rule(
        lt::make_address("::"), lt::make_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), global);
    session.set_peer_class_filter(every);
}

enum sok_status sok_lt_open(
    const struct sok_torrents_options *options, struct sok_lt_session **ret, struct sok_error *err)
{
    return guarded(err, [&] {
        lt::session_params params(settings(options));
        *ret = new sok_lt_session(std::move(params));
        limit_every_peer((*ret)->session);
        return SOK_OK;
    });
}

void sok_lt_close(struct sok_lt_session *session)
{
    tried([&] { delete session; });
}

const char *sok_lt_version(void)
{
    return lt::version();
}

int sok_lt_port(struct sok_lt_session *session)
{
    int port = 0;
    tried([&] { port = session->session.listen_port(); });
    return port;
}

void sok_lt_set_limits(struct sok_lt_session *session, int64_t down_kib, int64_t up_kib)
{
    tried([&] {
        lt::settings_pack pack;
        pack.set_int(lt::settings_pack::download_rate_limit, rate_limit(down_kib));
        pack.set_int(lt::settings_pack::upload_rate_limit, rate_limit(up_kib));
        session->session.apply_settings(pack);
    });
}

void sok_lt_set_watched(struct sok_lt_session *session, bool watched)
{
    tried([&] {
        lt::settings_pack pack;
        lt::settings_pack const usual = lt::default_settings();
        constexpr int seconds = lt::settings_pack::request_queue_time;
        pack.set_int(seconds, watched ? 1 : usual.get_int(seconds));
        session->session.apply_settings(pack);
    });
}

// Resume data of another torrent, or that cannot be read, counts as none.
static void take_resume(lt::add_torrent_params &atp, const struct sok_torrent_add *add)
{
    lt::error_code ec;
    lt::span<char const> const buffer(
        static_cast<char const *>(add->resume), static_cast<std::ptrdiff_t>(add->resume_len));
    lt::add_torrent_params saved = lt::read_resume_data(buffer, ec);
    lt::info_hash_t const mine = atp.ti ? atp.ti->info_hashes() : atp.info_hashes;
    lt::info_hash_t const theirs = saved.ti ? saved.ti->info_hashes() : saved.info_hashes;
    bool const same = (mine.has_v1() && mine.v1 == theirs.v1) || (mine.has_v2() && mine.v2 == theirs.v2);
    if (ec || !same)
        return;
    if (!saved.ti)
        saved.ti = atp.ti;
    saved.peers.insert(saved.peers.end(), atp.peers.begin(), atp.peers.end());
    atp = std::move(saved);
}

static enum sok_status read_source(
    lt::add_torrent_params &atp, const struct sok_torrent_add *add, struct sok_error *err)
{
    lt::error_code ec;
    if (add->magnet) {
        lt::parse_magnet_uri(add->magnet, atp, ec);
    } else if (add->info_hash) {
        lt::parse_magnet_uri(std::string("magnet:?xt=urn:btih:") + add->info_hash, atp, ec);
    } else {
        lt::span<char const> const buffer(
            static_cast<char const *>(add->bytes), static_cast<std::ptrdiff_t>(add->len));
        try {
            atp = lt::load_torrent_buffer(buffer, limits());
        } catch (lt::system_error const &e) {
            return malformed(err, e.code().message().c_str());
        }
    }
    return ec ? malformed(err, ec.message().c_str()) : SOK_OK;
}

enum sok_status sok_lt_prepare(
    struct sok_arena *arena, const struct sok_torrent_add *add, struct sok_lt_params **ret,
    char ret_key[SOK_TORRENT_KEY_LEN + 1], const void **ret_torrent, size_t *ret_torrent_len,
    struct sok_error *err)
{
    return guarded(
        err, [&]() -> enum sok_status {
            lt::add_torrent_params atp;
            SOK_TRY(read_source(atp, add, err));
            format_key(atp.ti ? atp.ti->info_hashes() : atp.info_hashes, ret_key);
            if (add->resume)
                take_resume(atp, add);
            atp.save_path = add->save_path;
            for (char const *const *url = add->trackers; url && *url; url++)
                atp.trackers.emplace_back(*url);
            atp.tracker_tiers.resize(atp.trackers.size(), 0);
            atp.flags &=
                ~(lt::torrent_flags::auto_managed | lt::torrent_flags::paused |
                  lt::torrent_flags::stop_when_ready | lt::torrent_flags::seed_mode |
                  lt::torrent_flags::upload_mode | lt::torrent_flags::share_mode);
            atp.flags |= lt::torrent_flags::update_subscribe | lt::torrent_flags::duplicate_is_error;
            if (add->paused)
                atp.flags |= lt::torrent_flags::paused;
            *ret_torrent = nullptr;
            *ret_torrent_len = 0;
            if (atp.ti) {
                std::string const torrent = wrap_info(atp.ti->info_section(), "");
                *ret_torrent = copy_bytes(arena, torrent.data(), torrent.size());
                *ret_torrent_len = torrent.size();
            }
            *ret = new sok_lt_params{std::move(atp)};
            return SOK_OK;
        });
}

void sok_lt_params_free(struct sok_lt_params *params)
{
    tried([&] { delete params; });
}

static std::vector<lt::download_priority_t> priorities(const bool *wanted, size_t count)
{
    std::vector<lt::download_priority_t> list;
    list.reserve(count);
    for (size_t i = 0; i < count; i++)
        list.push_back(wanted[i] ? lt::default_priority : lt::dont_download);
    return list;
}

enum sok_status sok_lt_add(
    struct sok_lt_session *session, struct sok_lt_params *params, const bool *wanted, size_t wanted_count,
    uint64_t id, struct sok_lt_torrent **ret, struct sok_error *err)
{
    return guarded(
        err, [&]() -> enum sok_status {
            lt::add_torrent_params &atp = params->atp;
            atp.piece_priorities.clear();
            if (wanted) {
                atp.file_priorities = priorities(wanted, wanted_count);
            } else {
                atp.extensions.emplace_back([](lt::torrent_handle const &handle, lt::client_data_t) {
                    return std::make_shared<gatekeeper>(handle);
                });
            }
            atp.userdata = lt::client_data_t(reinterpret_cast<char *>(static_cast<std::uintptr_t>(id)));
            lt::error_code ec;
            lt::torrent_handle const handle = session->session.add_torrent(std::move(atp), ec);
            if (ec)
                return sok_fail(err, SOK_INTERNAL, "cannot add the torrent: %s", ec.message().c_str());
            *ret = new sok_lt_torrent{handle};
            return SOK_OK;
        });
}

void sok_lt_torrent_free(struct sok_lt_torrent *torrent)
{
    tried([&] { delete torrent; });
}

void sok_lt_remove(struct sok_lt_session *session, struct sok_lt_torrent *torrent, bool delete_files)
{
    tried([&] {
        lt::remove_flags_t const flags =
            delete_files ? lt::session_handle::delete_files | lt::session_handle::delete_partfile
                         : lt::remove_flags_t{};
        session->session.remove_torrent(torrent->handle, flags);
    });
}

void sok_lt_pause(struct sok_lt_torrent *torrent)
{
    tried([&] { torrent->handle.pause(); });
}

void sok_lt_resume(struct sok_lt_torrent *torrent)
{
    tried([&] {
        torrent->handle.clear_error();
        torrent->handle.unset_flags(lt::torrent_flags::upload_mode);
        torrent->handle.resume();
    });
}

void sok_lt_set_wanted(struct sok_lt_torrent *torrent, const bool *wanted, size_t count)
{
    tried([&] { torrent->handle.prioritize_files(priorities(wanted, count)); });
}

void sok_lt_prefer_piece(struct sok_lt_torrent *torrent, int piece)
{
    tried([&] { torrent->handle.piece_priority(lt::piece_index_t(piece), lt::top_priority); });
}

void sok_lt_set_deadline(struct sok_lt_torrent *torrent, int piece, int deadline_ms)
{
    tried([&] { torrent->handle.set_piece_deadline(lt::piece_index_t(piece), deadline_ms); });
}

void sok_lt_clear_deadline(struct sok_lt_torrent *torrent, int piece)
{
    tried([&] { torrent->handle.reset_piece_deadline(lt::piece_index_t(piece)); });
}

void sok_lt_set_priorities(struct sok_lt_torrent *torrent, const struct sok_lt_priority *list, size_t count)
{
    tried([&] {
        std::vector<std::pair<lt::piece_index_t, lt::download_priority_t>> pairs;
        pairs.reserve(count);
        for (size_t i = 0; i < count; i++)
            pairs.emplace_back(
                lt::piece_index_t(list[i].piece),
                lt::download_priority_t(static_cast<std::uint8_t>(list[i].priority)));
        torrent->handle.prioritize_pieces(pairs);
    });
}

void sok_lt_save_resume(struct sok_lt_torrent *torrent)
{
    tried([&] {
        torrent->handle.save_resume_data(
            lt::torrent_handle::save_info_dict | lt::torrent_handle::flush_disk_cache);
    });
}

bool sok_lt_connect_peer(struct sok_lt_torrent *torrent, const char *address, int port)
{
    lt::error_code ec;
    return tried([&] {
               lt::tcp::endpoint const peer(lt::make_address(address, ec), static_cast<std::uint16_t>(port));
               if (!ec)
                   torrent->handle.connect_peer(peer);
           }) &&
           !ec;
}

bool sok_lt_have_piece(struct sok_lt_torrent *torrent, int piece)
{
    bool have = false;
    return tried([&] { have = torrent->handle.have_piece(lt::piece_index_t(piece)); }) && have;
}

bool sok_lt_have_pieces(struct sok_lt_torrent *torrent, uint8_t *ret_bitmap, int piece_count)
{
    return tried([&] {
        lt::torrent_status const status = torrent->handle.status(lt::torrent_handle::query_pieces);
        std::memset(ret_bitmap, 0, static_cast<std::size_t>(piece_count + 7) / 8);
        int i = 0;
        for (bool const have : status.pieces) {
            if (i < piece_count && have)
                ret_bitmap[i / 8] = static_cast<std::uint8_t>(ret_bitmap[i / 8] | 1U << (i % 8));
            i++;
        }
    });
}

bool sok_lt_file_progress(struct sok_lt_torrent *torrent, int64_t *ret_done, size_t count)
{
    return tried([&] {
        std::vector<std::int64_t> done;
        torrent->handle.file_progress(done, lt::torrent_handle::piece_granularity);
        for (size_t i = 0; i < count; i++)
            ret_done[i] = i < done.size() ? done[i] : 0;
    });
}

static std::string bencode_trackers(lt::torrent_handle const &handle)
{
    std::string text;
    for (lt::announce_entry const &tracker : handle.trackers())
        text += "l" + std::to_string(tracker.url.size()) + ":" + tracker.url + "e";
    return text.empty() ? text : "13:announce-listl" + text + "e";
}

enum sok_status sok_lt_metadata(
    struct sok_arena *arena, struct sok_lt_torrent *torrent, const void **ret_bytes, size_t *ret_len,
    struct sok_error *err)
{
    return guarded(
        err, [&]() -> enum sok_status {
            std::shared_ptr<const lt::torrent_info> const info = torrent->handle.torrent_file();
            if (!info || !info->is_valid())
                return sok_fail(err, SOK_CONFLICT, "the torrent's files are not known yet");
            std::string const bytes = wrap_info(info->info_section(), bencode_trackers(torrent->handle));
            *ret_bytes = copy_bytes(arena, bytes.data(), bytes.size());
            *ret_len = bytes.size();
            return SOK_OK;
        });
}

// --- Alerts.

static uint64_t id_of(lt::torrent_handle const &handle)
{
    return reinterpret_cast<std::uintptr_t>(handle.userdata().get<char>());
}

static struct sok_lt_status snapshot_of(lt::torrent_status const &from)
{
    struct sok_lt_status to = {};
    to.paused = bool(from.flags & lt::torrent_flags::paused);
    to.has_metadata = from.has_metadata;
    to.is_checking = from.state == lt::torrent_status::checking_files ||
                     from.state == lt::torrent_status::checking_resume_data;
    to.is_finished =
        from.total_wanted > 0 && from.total_wanted_done == from.total_wanted &&
        (from.state == lt::torrent_status::finished || from.state == lt::torrent_status::seeding);
    to.resume_changed = from.need_save_resume;
    to.progress = static_cast<double>(from.progress_ppm) / 1e6;
    to.size_bytes = from.total_wanted;
    to.done_bytes = from.total_wanted_done;
    to.downloaded_bytes = from.all_time_download;
    to.uploaded_bytes = from.all_time_upload;
    to.down_bytes_s = from.download_payload_rate;
    to.up_bytes_s = from.upload_payload_rate;
    to.seeding_s = from.seeding_duration.count();
    to.active_s = from.active_duration.count();
    to.peers = from.num_peers;
    to.seeds = from.num_seeds;
    to.error_status = status_of(from.errc);
    return to;
}

namespace
{

struct alert_sink {
    sok_lt_alert_callback callback;
    void *context;

    void plain(enum sok_lt_alert_kind kind, lt::torrent_handle const &handle, int piece = -1) const
    {
        struct sok_lt_alert alert = {};
        alert.kind = kind;
        alert.id = id_of(handle);
        alert.piece = piece;
        callback(&alert, context);
    }

    void error(lt::torrent_handle const &handle, lt::error_code const &ec) const
    {
        std::string const text = ec.message();
        struct sok_lt_alert alert = {};
        alert.kind = SOK_LT_ERROR;
        alert.id = id_of(handle);
        alert.status = status_of(ec);
        alert.text = text.c_str();
        callback(&alert, context);
    }

    void deleted(lt::info_hash_t const &hashes) const
    {
        char key[SOK_TORRENT_KEY_LEN + 1];
        format_key(hashes, key);
        struct sok_lt_alert alert = {};
        alert.kind = SOK_LT_FILES_DELETED;
        alert.text = key;
        callback(&alert, context);
    }

    void statuses(lt::state_update_alert const &update) const
    {
        for (lt::torrent_status const &status : update.status) {
            struct sok_lt_status const snapshot = snapshot_of(status);
            struct sok_lt_alert alert = {};
            alert.kind = SOK_LT_STATUS;
            alert.id = id_of(status.handle);
            alert.snapshot = &snapshot;
            callback(&alert, context);
        }
    }

    void resume_data(lt::save_resume_data_alert const &saved) const
    {
        std::vector<char> const bytes = lt::write_resume_data_buf(saved.params);
        struct sok_lt_alert alert = {};
        alert.kind = SOK_LT_RESUME_DATA;
        alert.id = id_of(saved.handle);
        alert.bytes = bytes.data();
        alert.len = bytes.size();
        callback(&alert, context);
    }

    void take(lt::alert const *alert) const
    {
        if (auto const *a = lt::alert_cast<lt::state_update_alert>(alert))
            statuses(*a);
        else if (auto const *a = lt::alert_cast<lt::piece_finished_alert>(alert))
            plain(SOK_LT_PIECE, a->handle, static_cast<int>(a->piece_index));
        else if (auto const *a = lt::alert_cast<lt::metadata_received_alert>(alert))
            plain(SOK_LT_METADATA, a->handle);
        else if (auto const *a = lt::alert_cast<lt::torrent_checked_alert>(alert))
            plain(SOK_LT_CHECKED, a->handle);
        else if (auto const *a = lt::alert_cast<lt::file_prio_alert>(alert))
            plain(SOK_LT_WANTED_SET, a->handle);
        else if (auto const *a = lt::alert_cast<lt::save_resume_data_alert>(alert))
            resume_data(*a);
        else if (auto const *a = lt::alert_cast<lt::save_resume_data_failed_alert>(alert))
            plain(SOK_LT_RESUME_FAILED, a->handle);
        else if (auto const *a = lt::alert_cast<lt::file_error_alert>(alert))
            error(a->handle, a->error);
        else if (auto const *a = lt::alert_cast<lt::torrent_error_alert>(alert))
            error(a->handle, a->error);
        else if (auto const *a = lt::alert_cast<lt::torrent_deleted_alert>(alert))
            deleted(a->info_hashes);
        else if (lt::alert_cast<lt::alerts_dropped_alert>(alert))
            plain(SOK_LT_DROPPED, lt::torrent_handle());
        else
            state(alert);
    }

    void state(lt::alert const *alert) const
    {
        if (auto const *a = lt::alert_cast<lt::torrent_finished_alert>(alert))
            plain(SOK_LT_STATE, a->handle);
        else if (auto const *a = lt::alert_cast<lt::state_changed_alert>(alert))
            plain(SOK_LT_STATE, a->handle);
        else if (auto const *a = lt::alert_cast<lt::torrent_paused_alert>(alert))
            plain(SOK_LT_STATE, a->handle);
        else if (auto const *a = lt::alert_cast<lt::torrent_resumed_alert>(alert))
            plain(SOK_LT_STATE, a->handle);
    }
};

} // namespace

void sok_lt_poll(
    struct sok_lt_session *session, int64_t timeout_ms, sok_lt_alert_callback callback, void *context)
{
    tried([&] {
        session->session.wait_for_alert(lt::milliseconds(timeout_ms));
        std::vector<lt::alert *> alerts;
        session->session.pop_alerts(&alerts);
        alert_sink const sink{callback, context};
        for (lt::alert const *alert : alerts)
            tried([&] { sink.take(alert); });
    });
}

void sok_lt_post_updates(struct sok_lt_session *session)
{
    tried([&] { session->session.post_torrent_updates(lt::status_flags_t{}); });
}
