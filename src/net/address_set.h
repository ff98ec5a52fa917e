// Networks put together for one question: does any of them contain this address? Never changed once it is
// made, so any number of threads may ask.
#ifndef SOK_NET_ADDRESS_SET_H
#define SOK_NET_ADDRESS_SET_H

#include <stddef.h>

#include "base/compiler.h"
#include "net/address.h"

struct sok_address_set;

// Owned by the caller; the networks are copied.
struct sok_address_set *sok_address_set_new(const struct sok_cidr *cidrs, size_t count);
struct sok_address_set *sok_address_set_free(struct sok_address_set *set);

// NULL contains nothing. Takes the logarithm of the networks' number.
bool sok_address_set_contains(const struct sok_address_set *set, const struct sok_address *address);

#endif
