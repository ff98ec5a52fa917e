// What a person types to look for a work: "Paper Lantern 2019", "Harbour Lights S02E01", "Title (1987)".
#ifndef SOK_DOMAIN_QUERY_H
#define SOK_DOMAIN_QUERY_H

#include "base/arena.h"

struct sok_query {
    const char *title; // never empty unless nothing was typed
    int year;          // 0: not said. May be a word of the title all the same ("Wonder Woman 1984")
    int season;        // -1: not said
    int episode;       // -1: not said, or no season with it
};

// Reads it as a release's name is read (domain/release.h), but takes only what says itself plainly: a year, a
// season with or without an episode, a resolution. What is left is the title; without any of them it is what
// was typed, trimmed ("Apollo 13", "The 100", "1917"). Pure; never fails. Texts live as long as the arena.
void sok_query_read(struct sok_arena *arena, const char *typed, struct sok_query *ret);

#endif
