#include "domain/release.h"

#include <string.h>

bool sok_words_has(const struct sok_words *words, const char *word)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->item[i], word) == 0)
            return true;
    return false;
}

bool sok_numbers_has(const struct sok_numbers *numbers, int number)
{
    for (int i = 0; i < numbers->count; i++)
        if (numbers->item[i] == number)
            return true;
    return false;
}
