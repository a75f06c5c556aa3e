/* notices.c - the words that a family hears before it decides; see consent.h. */
#include <string.h>

#include "schema/consent.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct tsk_notice notices[] = {
#define TSK_NOTICE(version, KIND, lang, text) {version, TSK_HOLDER_##KIND, lang, text},
#include "schema/notices.def"
#undef TSK_NOTICE
};

const struct tsk_notice *tsk_notices(size_t *ret_n)
{
    *ret_n = COUNT(notices);
    return notices;
}

const struct tsk_notice *tsk_notice_find(uint64_t kind, const char *lang)
{
    for (size_t i = 0; i < COUNT(notices); i++)
        if (notices[i].kind == kind && strcmp(notices[i].lang, lang) == 0)
            return &notices[i];
    return NULL;
}
