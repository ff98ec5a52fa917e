#include "base/text.h"
#include "services/providers/archive_org.h"
#include "services/providers/jackett.h"
#include "services/providers/prowlarr.h"
#include "services/providers/tmdb.h"
#include "services/providers/torznab.h"
#include "services/providers/tvmaze.h"

static const struct sok_provider_driver *const drivers[] = {
    &sok_torznab_driver,
    &sok_prowlarr_driver,
    &sok_jackett_driver,
    &sok_archive_org_driver,
    &sok_tmdb_driver,
    &sok_tvmaze_driver,
    NULL,
};

const struct sok_provider_driver *const *sok_provider_drivers(void)
{
    return drivers;
}

const struct sok_provider_driver *sok_provider_driver_find(const char *kind)
{
    for (size_t i = 0; drivers[i]; i++)
        if (sok_text_eq(drivers[i]->kind, kind))
            return drivers[i];
    return NULL;
}
