// A download as clients see it: the JSON of GET /downloads, of its commands and of the download.* events.
#ifndef SOK_SERVICES_TORRENT_DOWNLOAD_VIEW_H
#define SOK_SERVICES_TORRENT_DOWNLOAD_VIEW_H

#include "base/json.h"
#include "data/downloads.h"
#include "services/torrent/torrent.h"

// The caller's reference. files NULL: without the "files" key.
json_t *sok_download_to_json(
    const struct sok_download *download, const struct sok_download_file *files, size_t file_count);

// Overwrites the row's numbers (progress, sizes, rates, peers, ratio, eta) with what the session says now.
void sok_download_refresh(struct sok_download *download, const struct sok_torrent_status *status);

// Whether the torrent of such a row is at work: only then are the session's numbers newer than the row's.
bool sok_download_is_running(const struct sok_download *download);

#endif
