#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "services/providers/providers_testing.h"
#include "services/providers/torznab.h"

static struct sok_arena *arena;
static struct sok_error error;

static int set_up(void **state)
{
    arena = sok_arena_new(0);
    error = (struct sok_error){0};
    return 0;
}

static int tear_down(void **state)
{
    sok_arena_free(arena);
    return 0;
}

static enum sok_status parse_text(
    const char *text, size_t len, bool only_watchable, struct sok_torznab_page *ret)
{
    struct sok_torznab_source source = {
        .url = "https://host.invalid/api?t=search",
        .key = "SECRET",
        .now_ms = TEST_NOW_MS,
        .only_watchable = only_watchable};
    return sok_torznab_parse_feed(arena, text, len, &source, ret, &error);
}

static enum sok_status parse(const char *fixture, struct sok_torznab_page *ret)
{
    size_t len;
    const char *text = test_fixture(arena, fixture, &len);
    return parse_text(text, len, false, ret);
}

struct want {
    const char *fixture;
    int index;
    const char *title, *guid, *torrent_url, *info_hash, *protocol;
    bool magnet;
    int64_t size, seeders, leechers, published_s;
    int category;
};

#define USENET "usenet"
#define TORRENT "torrent"

static const struct want wants[] = {
    {"torznab/cardigann.xml", 0, "American Stuff S03E02 1080p HEVC x265-MeGusta",
     "https://some-torrents.com/details.php?id=111", "http://127.0.0.1:5060/download/111.torrent", NULL,
     TORRENT, false, 620000000, 11, 0, 1493900064, 5040},
    {"torznab/cardigann.xml", 1, "American Movie 2017 HDRip XviD AC3-EVO",
     "https://some-torrents.com/details.php?id=222", "http://127.0.0.1:5060/download/222.torrent", NULL,
     TORRENT, false, 1390000000, 101, 11, 1493893944, 2040},
    {"torznab/prowlarr_torznab_response.xml", 0, "TRON Legacy Extras 720p BluRay x264-CtrlHD", "Mock-74709",
     "http://localhost:9696/2/"
     "download?apikey=redacted&link=xxx&file=TRON+Legacy+Extras+720p+BluRay+x264-CtrlHD",
     NULL, TORRENT, false, 2139365375, 7, 0, 1301526668, 2000},
    {"torznab/torznab_animetosho.xml", 0, "[finFAGs]_Frame_Arms_Girl_07_(1280x720_TV_AAC)_[1262B6F7].mkv",
     "https://localhost/view/123451", "http://storage.localhost/torrents/123451.torrent",
     "ad350c37deb53e59bef236e651c6f6f2a640bc25", TORRENT, true, 316477946, -1, -1, 1495053366, 5070},
    {"torznab/torznab_hdaccess_net.xml", 0,
     "Better Call Saul S01E05 Alpine Shepherd 1080p NF WEBRip DD5.1 x264",
     "https://hdaccess.net/details.php?id=11515",
     "https://hdaccess.net/download.php?torrent=11515&passkey=123456",
     "63e07ff523710ca268567dad344ce1e0e6b7e8a3", TORRENT, false, 2538463390, 7, 0, 1426367442, 5040},
    {"torznab/torznab_tpb.xml", 0, "Series Title S05E02 HDTV x264-Xclusive [eztv]",
     "https://thepiratebay.se/torrent/11811366/Series_Title_S05E02_HDTV_x264-Xclusive_%5Beztv%5D", NULL,
     "9fb267cff5ae5603f07a347676ec3bf3e35f75e1", TORRENT, true, 388895872, 34128, 2596, 1428809640, 0},
    {"newznab/newznab_3results.xml", 1, "English testtitle2", "59ca5184e4174a9bd084e9b2ff8d806b",
     "https://indexer.com/getnzb/59ca5184e4174a9bd084e9b2ff8d806b.nzb&i=1692&r=apikey", NULL, USENET, false,
     5480922420, -1, -1, 1443915991, 2010},
    {"newznab/nzbSuResponse.xml", 0, "[RH].Chain.Chronicle.Haecceitas.no.Hikari.-.09.[C58BC48E]",
     "https://nzb.su/details/6be0fcc24907d125f676c98b598e0c15",
     "https://api.nzb.su/getnzb/6be0fcc24907d125f676c98b598e0c15.nzb&i=905&r=APIKEY", NULL, USENET, false,
     1854903202, -1, -1, 1491396342, 5070},
    {"newznab/simplesearchresult.xml", 0, "itemTitle", "guidLink", "https://host.invalid/enclosureUrl", NULL,
     USENET, false, 5, -1, -1, 1000, 7000},
    {"newznab/invalidResponseWeirdDateFormat.xml", 1, "Son should be Mon", "Son should be Mon", NULL, NULL,
     TORRENT, false, 0, -1, -1, 1491204335, 0},
    {"newznab/newznab_indexerflags.xml", 0, "title", "no custom attributes", "https://host.invalid/url", NULL,
     USENET, false, 0, -1, -1, 1725096520, 0},
    {"torrent-rss/AlphaRatio.xml", 0, "TvHD 465989 465960 Good.Behavior.S01E03.PROPER.720p.HDTV.x264-KILLERS",
     "sha256:edcee3d9b3183a061b07f875056986f4",
     "https://alpharatio.cc/"
     "torrents.php?action=download&authkey=private_auth_key&torrent_pass=private_torrent_"
     "pass&id=465960",
     NULL, TORRENT, false, 1095216660, -1, -1, 1480416958, 0},
    {"torrent-rss/AnimeTosho_NoSize.xml", 1, "DAYS - 05 (1280x720 HEVC2 AAC).mkv",
     "https://animetosho.org/view/1009055",
     "http://storage.animetosho.org/torrents/4b58360143d59a55cbd922397a3eaa378165f3ff/"
     "DAYS%20-%2005%20%281280x720%20HEVC2%20AAC%29.torrent",
     NULL, TORRENT, false, 0, -1, -1, 1470142206, 0},
    {"torrent-rss/BitHdtv.xml", 0, "Egypt's Lost Queens.720p.2014.WEB.H.264",
     "https://www.bit-hdtv.com/rssdownload.php?id=123", "https://www.bit-hdtv.com/rssdownload.php?id=123",
     NULL, TORRENT, false, 1063004405, -1, -1, 1433301589, 0},
    {"torrent-rss/Ezrss.xml", 0, "S4C I Grombil Cyfandir Pell American Interior [PDTV - MVGROUP]",
     "http://eztv.it/ep/58439/s4c-i-grombil-cyfandir-pell-american-interior-pdtv-x264-mvgroup/",
     "http://re.zoink.it/20a4ed4eFC", "20fc4fbfa88272274ac671f857cc15144e9aa83e", TORRENT, true, 796606175,
     -1, -1, 1410806340, 0},
    {"torrent-rss/IPTorrents.xml", 1, "Rosemary's Baby S01E01 Part 1 1080p WEB-DL DD5 1 H 264-BS",
     "sha256:fe346cf5042bd6848bf15ab1b4410adb",
     "http://iptorrents.com/download.php/1234/"
     "Rosemary's.Baby.S01E01.Part.1.1080p.WEB-DL.DD5.1.H.264-BS.torrent?torrent_pass=abcd",
     NULL, TORRENT, false, 0, -1, -1, 1399921585, 0},
    {"torrent-rss/ImmortalSeed.xml", 0, "Conan.2015.02.05.Jeff.Bridges.720p.HDTV.X264-CROOKS",
     "sha256:f58d94bcc0a91ebb922623fd967e73c5",
     "https://immortalseed.me/download.php?type=rss&secret_key=12345678910&id=374534", NULL, TORRENT, false,
     984078090, -1, -1, 1423229546, 0},
    {"torrent-rss/Nyaa.xml", 0, "[TSRaws] Futsuu no Joshikousei ga [Locodol] Yattemita. #07 (TBS).ts",
     "https://www.nyaa.se/?page=view&tid=587750", "https://www.nyaa.se/?page=download&tid=587750", NULL,
     TORRENT, false, 0, -1, -1, 1408039836, 0},
    {"torrent-rss/Nyaa2021.xml", 0, "[Foxy-Subs] Mahouka Koukou no Yuutousei - 08 [720p] [3194D881].mkv",
     "https://nyaa.si/view/1424896", "https://nyaa.si/download/1424896.torrent",
     "e8ca5e20eca876339f41c3d9e95ea66c1d7caaee", TORRENT, false, 639211929, 4, 3, 1629843526, 0},
    {"torrent-rss/ShowRSS.info.xml", 0, "The Voice 8x25", "9bf12f5ecc9d61aec05b28e605784ee7", NULL,
     "96cd620beda3efd7c4d7746ef94549d03a2eb13b", TORRENT, true, 0, -1, -1, 1431678601, 0},
    {"torrent-rss/Torrentleech.xml", 0, "Classic Car Rescue S02E04 720p HDTV x264-C4TV",
     "http://www.torrentleech.org/torrent/513575",
     "http://www.torrentleech.org/rss/download/513575/1234/"
     "Classic.Car.Rescue.S02E04.720p.HDTV.x264-C4TV.torrent",
     NULL, TORRENT, false, 0, -1, -1, 1399922128, 0},
    {"torrent-rss/encoded_title.xml", 0, "Series.&.Title.S02E19.EAC3.5.1.1080p.WEBRip.x265-iVy",
     "https://my.indexer.com/info.php?guid=abc123",
     "https://my.indexer.com/api?t=get&id=abc123&apikey=secret", NULL, USENET, false, 724655000, -1, -1,
     1734671794, 0},
    {"torrent-rss/fanzub.xml", 0, "[Vivid] Hanayamata - 10 [A33D6606]", "http://fanzub.com/nzb/296464",
     "http://fanzub.com/nzb/296464/Vivid%20Hanayamata%20-%2010.nzb", NULL, USENET, false, 556246858, -1, -1,
     1410613013, 0},
    {"torrent-rss/relative_urls.xml", 0, "Real.Time.With.Bill.Maher.2015.08.07.720p.HDTV.x264-BATV",
     "details/123", "https://host.invalid/getnzb/123.nzb&i=123&r=123", NULL, USENET, false, 1230000000, -1,
     -1, 1439040436, 0},
    {"torrent-rss/invalid_Eztv_InvalidSize.xml", 0,
     "Andy McNabs Tour Of Duty Series 1 - Courage Under Fire 1x6 [DVDRIP - MVGROUP]",
     "http://eztv.it/ep/58438/andy-mcnabs-tour-of-duty-series-1-6of6-courage-under-fire-dvdrip-x264-mvgroup/",
     NULL, "aaa2038bed9ebca2c312d1c9c3e8e024d0eb414e", TORRENT, true, 0, -1, -1, 1410804261, 0},
    {"torrent-rss/invalid_ImmortalSeed_InvalidSize.xml", 0,
     "Conan.2015.02.05.Jeff.Bridges.720p.HDTV.X264-CROOKS", "sha256:f58d94bcc0a91ebb922623fd967e73c5",
     "https://immortalseed.me/download.php?type=rss&secret_key=12345678910&id=374534", NULL, TORRENT, false,
     0, -1, -1, 1423229546, 0},
    {"torrent-rss/invalid_TorrentDay_NoPubDate.xml", 0, "Surviving Marriage S01E09 480p HDTV x264-mSD",
     "sha256:3e14706bcf474b6336586f8124f3bba9",
     "https://www.torrentday.com/download.php/123/"
     "Surviving.Marriage.S01E09.480p.HDTV.x264-mSD.torrent?torrent_pass=abc",
     NULL, TORRENT, false, 357564416, -1, -1, 0, 0},
    {"synthetic/jackett/torznab_search.xml", 0, "Sintel & Friends (2010) [1080p]",
     "https://indexer-a.invalid/view/1",
     "http://127.0.0.1:9117/dl/indexera/?jackett_apikey=APIKEY&path=PATH&file=Sintel",
     "08ada5a7a6183aae1e09d831df6748d566095a10", TORRENT, true, 129302391, 2204, 161, 1771690382, 2040},
    {"synthetic/jackett/torznab_search.xml", 1, "Big Buck Bunny 2008",
     "magnet:?xt=urn:btih:DD8255ECDC7CA55FB0BBF81323D87062DB1F6D1C", NULL,
     "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c", TORRENT, true, 0, 803, 592, 1771699443, 2000},
    {"synthetic/jackett/torznab_search.xml", 2, "Tears of Steel 2012 (no peers known)",
     "https://indexer-c.invalid/t/3",
     "http://127.0.0.1:9117/dl/indexerc/?jackett_apikey=APIKEY&path=PATH&file=Tears", NULL, TORRENT, false,
     571426507, -1, -1, 1771631999, 8000},
    {"synthetic/prowlarr/torznab_search.xml", 1, "Sintel (2010) [1080p]",
     "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel&tr=udp%3A%2F%2Ftracker."
     "opentrackr."
     "org%3A1337",
     "http://127.0.0.1:9696/2/download?apikey=APIKEY&link=bWFnbmV0&file=Sintel+(2010)+%5B1080p%5D+",
     "08ada5a7a6183aae1e09d831df6748d566095a10", TORRENT, true, 129302391, 797, 21, 1784419200, 2000},
};

static void same(const char *what, const struct want *want, const char *expected, const char *got)
{
    if (!sok_text_eq(expected, got))
        fail_msg(
            "%s[%d] %s: wanted %s, got %s", want->fixture, want->index, what, expected ? expected : "none",
            got ? got : "none");
}

static void every_recorded_feed_gives_its_releases(void **state)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(wants); i++) {
        const struct want *want = &wants[i];
        struct sok_torznab_page page;
        assert_ok(parse(want->fixture, &page));
        assert_true((size_t)want->index < page.count);
        const struct sok_found_release *got = &page.items[want->index];
        same("title", want, want->title, got->title);
        same("guid", want, want->guid, got->guid);
        same("torrent_url", want, want->torrent_url, got->torrent_url);
        same("info_hash", want, want->info_hash, got->info_hash);
        same("protocol", want, want->protocol, got->protocol);
        assert_int_equal(want->magnet, got->magnet != NULL);
        assert_int_equal(want->size, got->size_bytes);
        assert_int_equal(want->seeders, got->seeders);
        assert_int_equal(want->leechers, got->leechers);
        assert_int_equal(want->published_s * 1000, got->published_at);
        assert_int_equal(want->category, got->category);
    }
}

static void every_feed_is_read_to_its_end(void **state)
{
    struct {
        const char *fixture;
        size_t items;
        int64_t total;
    } cases[] = {
        {"torznab/cardigann.xml", 2, -1},
        {"torznab/prowlarr_torznab_response.xml", 3, -1},
        {"torznab/torznab_animetosho.xml", 2, -1},
        {"torznab/torznab_hdaccess_net.xml", 5, -1},
        {"torznab/torznab_tpb.xml", 5, -1},
        {"newznab/drunkenSlug_withSomeLimits.xml", 0, 7800},
        {"newznab/invalidResponseWeirdDateFormat.xml", 3, 1000},
        {"newznab/newznab_3results.xml", 3, 1000},
        {"newznab/newznab_indexerflags.xml", 11, 100},
        {"newznab/nzbSuResponse.xml", 62, 20000},
        {"newznab/simplesearchresult.xml", 1, -1},
        {"torrent-rss/AlphaRatio.xml", 2, -1},
        {"torrent-rss/AnimeTosho_NoSize.xml", 2, -1},
        {"torrent-rss/BitHdtv.xml", 15, -1},
        {"torrent-rss/Doki.xml", 5, -1},
        {"torrent-rss/Ezrss.xml", 3, -1},
        {"torrent-rss/IPTorrents.xml", 5, -1},
        {"torrent-rss/ImmortalSeed.xml", 50, -1},
        {"torrent-rss/Invalid-RSS.xml", 0, -1},
        {"torrent-rss/Nyaa.xml", 4, -1},
        {"torrent-rss/Nyaa2021.xml", 3, -1},
        {"torrent-rss/ShowRSS.info.xml", 5, -1},
        {"torrent-rss/Torrentleech.xml", 5, -1},
        {"torrent-rss/encoded_title.xml", 1, -1},
        {"torrent-rss/fanzub.xml", 3, -1},
        {"torrent-rss/invalid_Eztv_InvalidSize.xml", 1, -1},
        {"torrent-rss/invalid_ImmortalSeed_InvalidSize.xml", 1, -1},
        {"torrent-rss/invalid_TorrentDay_NoPubDate.xml", 1, -1},
        {"torrent-rss/relative_urls.xml", 1, -1},
        {"synthetic/jackett/torznab_search.xml", 3, -1},
        {"synthetic/prowlarr/torznab_search.xml", 3, -1},
        {"synthetic/prowlarr/torznab_search_empty.xml", 0, -1},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_torznab_page page;
        assert_ok(parse(cases[i].fixture, &page));
        assert_int_equal(cases[i].items, page.item_count);
        assert_int_equal(cases[i].items, page.count);
        assert_int_equal(cases[i].total, page.total);
    }
}

static void an_error_document_says_who_is_to_blame(void **state)
{
    struct {
        const char *fixture;
        enum sok_status status;
        const char *words;
    } cases[] = {
        {"newznab/unauthorized.xml", SOK_UNAUTHENTICATED, "Incorrect user credentials (error 100)"},
        {"newznab/newznab_error_201.xml", SOK_INVALID, "Incorrect parameter (error 201)"},
        {"synthetic/jackett/error_bad_apikey_http200.xml", SOK_UNAUTHENTICATED,
         "Invalid API Key (error 100)"},
        {"synthetic/jackett/error_imdbid_http400.xml", SOK_INVALID, "invalid imdbid format"},
        {"synthetic/jackett/error_indexer_unknown_http200.xml", SOK_INVALID, "Indexer is not supported"},
        {"synthetic/jackett/error_query_not_supported_http200.xml", SOK_INVALID, "does not support"},
        {"synthetic/jackett/error_rate_http429.xml", SOK_UNAVAILABLE, "Rate limited"},
        {"synthetic/jackett/error_tracker_http400.xml", SOK_UNAVAILABLE, "seems to be down"},
        {"synthetic/prowlarr/torznab_error_200_http400.xml", SOK_INVALID, "Missing parameter"},
        {"synthetic/prowlarr/torznab_error_201_http400.xml", SOK_INVALID, "Incorrect parameter"},
        {"synthetic/prowlarr/torznab_error_202_http400.xml", SOK_INVALID, "No such function"},
        {"synthetic/prowlarr/torznab_error_410_http410.xml", SOK_UNAVAILABLE, "Indexer is disabled"},
        {"synthetic/prowlarr/torznab_error_429_http429.xml", SOK_LIMITED, "Limit of 100"},
        {"synthetic/prowlarr/torznab_error_500_http500.xml", SOK_UNAVAILABLE, "Download failed"},
        {"torznab/spec_caps_response.xml", SOK_PROTOCOL, "<caps> came"},
        {"jackett/t_indexers_configured.xml", SOK_PROTOCOL, "<indexers> came"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_torznab_page page;
        assert_int_equal(cases[i].status, parse(cases[i].fixture, &page));
        if (!strstr(error.message, cases[i].words))
            fail_msg("%s: %s", cases[i].fixture, error.message);
    }
}

static void capabilities_are_read(void **state)
{
    struct {
        const char *fixture, *server;
        int max, usual;
        bool tv, movie, season, imdb;
    } cases[] = {
        {"torznab/spec_caps_response.xml", "...", 100, 50, true, false, true, true},
        {"torznab/torznab_animetosho_caps.xml", "Anime Tosho", 200, 75, false, false, false, false},
        {"newznab/dognzbCapsResponse.xml", "DOGnzb", 100, 100, true, true, true, true},
        {"newznab/newznab_caps.xml", NULL, 60, 25, true, true, true, true},
        {"newznab/nzbsOrgCapsResponse.xml", "NZBs(dot)ORG", 100, 100, true, true, true, true},
        {"newznab/omgwtfCapsResponse.xml", "omgwtfnzbs.org", 500, 500, true, true, true, true},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_torznab_caps caps;
        size_t len;
        const char *text = test_fixture(arena, cases[i].fixture, &len);
        assert_ok(sok_torznab_parse_caps(arena, text, len, &caps, &error));
        assert_true(sok_text_eq(cases[i].server, caps.server));
        assert_int_equal(cases[i].max, caps.limit_max);
        assert_int_equal(cases[i].usual, caps.limit_default);
        assert_true(caps.search.available);
        assert_int_equal(cases[i].tv, caps.tv.available);
        assert_int_equal(cases[i].movie, caps.movie.available);
        assert_int_equal(cases[i].season, caps.tv.season);
        assert_int_equal(cases[i].imdb, caps.movie.imdb_id);
    }
    struct sok_torznab_caps caps;
    size_t len;
    const char *text = test_fixture(arena, "newznab/unauthorized.xml", &len);
    assert_int_equal(SOK_UNAUTHENTICATED, sok_torznab_parse_caps(arena, text, len, &caps, &error));
}

static void what_is_nothing_to_watch_is_left_out(void **state)
{
    static const char feed[] =
        "<rss xmlns:t='http://torznab.com/schemas/2015/feed'><channel>"
        "<item><title>film</title><link>http://x/1</link><t:attr name='category' value='2000'/></item>"
        "<item><title>adult</title><link>http://x/2</link><category>6040</category></item>"
        "<item><title>album</title><link>http://x/3</link><category>3010</category></item>"
        "<item><title>no link</title><category>2000</category></item>"
        "<item><title>nzb</title><enclosure url='http://x/4' type='application/x-nzb'/></item>"
        "<item><link>http://x/no-title</link></item>"
        "</channel></rss>";
    struct sok_torznab_page page;
    assert_ok(parse_text(feed, sizeof(feed) - 1, true, &page));
    assert_int_equal(6, page.item_count);
    assert_int_equal(1, page.count);
    assert_string_equal("film", page.items[0].title);
}

static void attributes_win_in_their_order(void **state)
{
    static const char feed[] =
        "<rss xmlns:zz='http://torznab.com/schemas/2015/feed' "
        "xmlns:newznab='http://www.newznab.com/DTD/x'><channel>"
        "<item><title>a</title><guid>x?apikey=SECRET</guid><size>5</size>"
        "<newznab:attr name='Size' value='7000000000'/><zz:attr name='size' value='6000000000'/>"
        "<zz:attr name='seeders' value='9'/><zz:attr name='peers' value='4'/>"
        "<zz:attr name='infohash' value='(removed)'/>"
        "<enclosure url='/x.nzb' type='application/x-nzb' length='1'/>"
        "<enclosure url=' /get/a b.torrent\n' type='application/x-bittorrent' length='99999'/></item>"
        "<item><title>b</title><link>/b</link><zz:attr name='leechers' value='3'/><zz:attr name='peers' "
        "value='8'/>"
        "<zz:attr name='seeders' value='-5'/></item>"
        "</channel></rss>";
    struct sok_torznab_page page;
    assert_ok(parse_text(feed, sizeof(feed) - 1, true, &page));
    assert_int_equal(2, page.count);
    assert_int_equal(6000000000, page.items[0].size_bytes);
    assert_int_equal(9, page.items[0].seeders);
    assert_int_equal(0, page.items[0].leechers);
    assert_null(page.items[0].info_hash);
    assert_string_equal("https://host.invalid/get/a%20b.torrent", page.items[0].torrent_url);
    assert_null(strstr(page.items[0].guid, "SECRET"));
    assert_int_equal(5, page.items[1].seeders);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_recorded_feed_gives_its_releases), TEST(every_feed_is_read_to_its_end),
        TEST(an_error_document_says_who_is_to_blame), TEST(capabilities_are_read),
        TEST(what_is_nothing_to_watch_is_left_out),   TEST(attributes_win_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
