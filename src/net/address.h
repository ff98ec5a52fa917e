// IP addresses and networks: one place that says what is private, and that matches CIDRs (v4, v6, v4-mapped
// v6 as v4).
#ifndef SOK_NET_ADDRESS_H
#define SOK_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct sok_address {
    uint8_t bytes[16]; // v4 as ::ffff:a.b.c.d
};

struct sok_cidr {
    struct sok_address network;
    int bits; // 0-128
};

bool sok_address_parse(const char *text, struct sok_address *ret); // no port, no zone
bool sok_address_from_sockaddr(const struct sockaddr *addr, struct sok_address *ret);
void sok_address_format(const struct sok_address *address, char ret_text[46]); // v4-mapped as v4
bool sok_cidr_parse(const char *text, struct sok_cidr *ret); // "10.0.0.0/8", "::1", "192.168.1.7"
// The network with its prefix length ("10.0.0.0/8", "::1/128"), a v4-mapped one as v4.
void sok_cidr_format(const struct sok_cidr *cidr, char ret_text[50]);
// A v6 network that is wider than all of v4 ("::/0") contains no v4 address all the same.
bool sok_cidr_contains(const struct sok_cidr *cidr, const struct sok_address *address);
// Its first and its last address.
void sok_cidr_range(const struct sok_cidr *cidr, struct sok_address *ret_first, struct sok_address *ret_last);
// An address as text that sorts like it: 32 hexadecimal digits. A network is a range of them.
#define SOK_ADDRESS_KEY_SIZE 33
void sok_address_key(const struct sok_address *address, char ret_text[SOK_ADDRESS_KEY_SIZE]);
bool sok_cidr_is_v4(const struct sok_cidr *cidr);
bool sok_address_is_v4(const struct sok_address *address);

// Whether no stranger's URL may lead there: loopback, private, link-local, CGNAT, multicast, reserved,
// unspecified, and v6 forms that embed such a v4 (6to4, NAT64).
bool sok_address_is_private(const struct sok_address *address);
bool sok_address_is_loopback(const struct sok_address *address);

// What counts as one client: one household has one IPv6 /64, and any address in it.
void sok_address_to_household(struct sok_address *address);

#endif
