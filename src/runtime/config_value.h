// The text of one setting made a value: config.c's parsers, one a kind.
#ifndef SOK_RUNTIME_CONFIG_VALUE_H
#define SOK_RUNTIME_CONFIG_VALUE_H

#include "runtime/config.h"

// Reads `text` as the row's kind into its field of `config`, text in the arena. NULL when it is right, else a
// sentence in the arena that says what is expected (it never repeats the value).
const char *sok_config_value_parse(
    struct sok_arena *arena, const struct sok_config_row *row, const char *text, struct sok_config *config);

// config_check.c: the same for a setting that is kept as text.
const char *sok_config_text_problem(struct sok_arena *arena, enum sok_config_kind kind, const char *text);

#endif
