// Addresses and networks as text: what is read comes out again the same, and lies within itself.
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "net/address_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_address(const char *text)
{
    struct sok_address address, again;
    char written[46];
    if (!sok_address_parse(text, &address))
        return;
    sok_address_format(&address, written);
    if (!sok_address_parse(written, &again) || memcmp(&address, &again, sizeof(address)) != 0)
        sok_panic("%s does not come out the same", written);
    (void)sok_address_is_private(&address);
    sok_address_to_household(&again);
    struct sok_cidr alone;
    if (!sok_cidr_parse(written, &alone) || !sok_cidr_contains(&alone, &address))
        sok_panic("%s is not in itself", written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    memcpy(text, data, len);
    text[len] = 0;
    check_address(text);
    struct sok_cidr cidr;
    if (sok_cidr_parse(text, &cidr)) {
        struct sok_address_set *set = sok_address_set_new(&cidr, 1);
        if (cidr.bits < 0 || cidr.bits > 128 || !sok_cidr_contains(&cidr, &cidr.network) ||
            !sok_address_set_contains(set, &cidr.network))
            sok_panic("a network without its own address");
        sok_address_set_free(set);
    }
    free(text);
    return 0;
}
