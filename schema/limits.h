/* limits.h - every bound of tasuki/1 in one place, with the reason where it is not obvious. */
#ifndef TSK_SCHEMA_LIMITS_H
#define TSK_SCHEMA_LIMITS_H

#include <stdint.h>

#define TSK_RECORD_MAX 65536             /* R1: bytes of any signed record (the roster has its own) */
#define TSK_PARTNER_ID_CAP 16            /* "01100-JS1" and its NUL; ids are [A-Z0-9-] */
#define TSK_NEEDS_MAX 8
#define TSK_HOLDERS_MAX 8                /* cards of one family on one referral */
#define TSK_ITEMS_MAX 16                 /* categories (9) and a second sealing of some */
#define TSK_GRANTS_MAX 64                /* grants and refusals on one referral */
#define TSK_LIFTS_MAX 64                 /* stops that one grant lifts: as many as grants came before it */
#define TSK_SEAL_KEYS_MAX 4              /* this year's, next year's, and kept ones */
#define TSK_STATUS_MAX 256               /* status events an author on one referral */
#define TSK_POSTS_MAX 2
#define TSK_ROOTS_MAX 8
#define TSK_MEMBERS_MAX 4096
#define TSK_PARTNERS_MAX 16384
#define TSK_URLS_MAX 4
#define TSK_DISTRICTS_MAX 128
#define TSK_PARCEL_RECORDS_MAX 128
#define TSK_PARCEL_MAX 33554432          /* bytes of one parcel as sent; the transport refuses larger messages */
#define TSK_PLAINTEXT_MAX 10485760       /* bytes of one item's content */
#define TSK_PARCEL_PAD 4096              /* parcels without ciphertexts are padded to a multiple of this */
#define TSK_CONTENT_PAD 256              /* content and parcels with ciphertexts: to this times a power of two */
#define TSK_NUMBER_MAX (UINT64_C(1) << 53) /* counters: exact in JSON readers, too */
#define TSK_DER_MAX 4096                 /* bytes of a certificate or certificate request */
#define TSK_URL_MAX 256                  /* bytes */
#define TSK_NAME_MAX 400                 /* bytes of a name or of opening hours: 100 kanji and room */
#define TSK_LANG_MAX 35                  /* RFC 5646 section 4.4.1 */
#define TSK_STOPS_PER_PEER_MAX 1000      /* stops kept whose target is not known yet */

#define TSK_DAY_S 86400
#define TSK_CLOCK_AHEAD_S 600            /* R8 */
#define TSK_DRAIN_FRESH_S 900            /* section 6: a drain counts for opening this long (mode 1) */
#define TSK_SETTLE_S 90                  /* after a start, senders that have something have tried again by then */
#define TSK_FRESH_S 300                  /* put, fetch, confirm: |time - now| */
#define TSK_GRANT_MAX_S (365 * TSK_DAY_S)
#define TSK_ITEM_LIFE_S (396 * TSK_DAY_S)
#define TSK_ITEM_LIFE_MAX_S (400 * TSK_DAY_S)
#define TSK_ROSTER_LIFE_S (30 * TSK_DAY_S)
#define TSK_EXPIRE_AFTER_S (30 * TSK_DAY_S) /* a referral expires this long after reply_by, before handed */
#define TSK_DELETED_WITHIN_S (7 * TSK_DAY_S)
#define TSK_TIME_MAX (UINT64_C(1) << 40)
#define TSK_FETCH_WAIT_MS 25000
#define TSK_FETCH_MAX 64
#define TSK_HOLDERS_PER_ENROL 32
#define TSK_SUITE_1 1                    /* X25519, HKDF-SHA256, AES-256-GCM (RFC 9180 0x0020, 0x0001, 0x0002) */
#define TSK_MODE_CARD 1
#define TSK_MODE_KEEPERS 2

#endif
