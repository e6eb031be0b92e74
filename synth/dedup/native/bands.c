/* Which rows share a bucket, and which of them stays: what `choosing` does without the kernel. */

#include "kernel.h"

typedef struct {
    uint64_t key;
    uint32_t row;
} Item;

static int by_key(const void *one, const void *other) {
    const Item *a = one, *b = other;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Sorts by the 32 high bits, which hold part of the key; rows of equal bits stay in their order. */
static void sort_by_high(uint64_t *at, uint64_t *spare, int64_t count) {
    static const int shifts[3] = {32, 43, 54};
    for (int pass = 0; pass < 3; pass++) {
        int64_t starts[2049] = {0};
        for (int64_t i = 0; i < count; i++) starts[(at[i] >> shifts[pass] & 2047) + 1]++;
        for (int i = 0; i < 2048; i++) starts[i + 1] += starts[i];
        for (int64_t i = 0; i < count; i++) spare[starts[at[i] >> shifts[pass] & 2047]++] = at[i];
        uint64_t *other = at;
        at = spare;
        spare = other;
    }
    memcpy(spare, at, (size_t)count * sizeof *at); /* an odd number of passes ends in the other array */
}

static bool order_run(const uint64_t *keys, int bands, int b, uint64_t *run, int64_t count) {
    uint64_t first = keys[(int64_t)(uint32_t)run[0] * bands + b];
    int64_t same = 1;
    while (same < count && keys[(int64_t)(uint32_t)run[same] * bands + b] == first) same++;
    if (same == count) return true;
    Item *items = malloc((size_t)count * sizeof(Item));
    if (!items) return false;
    for (int64_t i = 0; i < count; i++) items[i] = (Item){keys[(int64_t)(uint32_t)run[i] * bands + b], (uint32_t)run[i]};
    qsort(items, (size_t)count, sizeof(Item), by_key);
    for (int64_t i = 0; i < count; i++) run[i] = items[i].row;
    free(items);
    return true;
}

/* Numbers the buckets of each band that hold two rows or more, from `first` on; rows alone have 0. Rows without
   shingles are in none. `sizes[bucket]` is how many rows it holds. Returns the number of buckets, or -1. */
static int64_t number_buckets(const uint64_t *keys, const int64_t *starts, int64_t rows, int bands, uint32_t *bucket,
                              uint32_t **sizes) {
    uint64_t *packed = malloc((size_t)rows * 8 + 8), *spare = malloc((size_t)rows * 8 + 8);
    int64_t count = 1, room = 0;
    bool well = packed && spare;
    memset(bucket, 0, (size_t)rows * (size_t)bands * sizeof *bucket);
    for (int b = 0; well && b < bands; b++) {
        int64_t filled = 0;
        for (int64_t row = 0; row < rows; row++)
            if (starts[row + 1] > starts[row])
                packed[filled++] = (keys[row * bands + b] & 0xFFFFFFFF00000000ULL) | (uint64_t)row;
        sort_by_high(packed, spare, filled);
        for (int64_t from = 0, to; well && from < filled; from = to) {
            for (to = from + 1; to < filled && packed[to] >> 32 == packed[from] >> 32;) to++;
            if (to == from + 1) continue;
            well = order_run(keys, bands, b, packed + from, to - from);
            for (int64_t i = from, end; well && i < to; i = end) {
                uint64_t key = keys[(int64_t)(uint32_t)packed[i] * bands + b];
                for (end = i + 1; end < to && keys[(int64_t)(uint32_t)packed[end] * bands + b] == key;) end++;
                if (end == i + 1) continue;
                if (count >= room) {
                    room = room * 2 + 1024;
                    uint32_t *more = realloc(*sizes, (size_t)room * sizeof **sizes);
                    if (!more || room > UINT32_MAX) {
                        well = false;
                        break;
                    }
                    *sizes = more;
                }
                (*sizes)[count] = (uint32_t)(end - i);
                for (int64_t k = i; k < end; k++) bucket[(int64_t)(uint32_t)packed[k] * bands + b] = (uint32_t)count;
                count++;
            }
        }
    }
    free(packed);
    free(spare);
    return well ? count : -1;
}

static int64_t shared(const uint64_t *one, int64_t n, const uint64_t *other, int64_t m) {
    int64_t i = 0, j = 0, same = 0;
    while (i < n && j < m) {
        uint64_t a = one[i], b = other[j];
        same += a == b;
        i += a <= b;
        j += b <= a;
    }
    return same;
}

#define STRIDE 16

/* The same, or -1 as soon as so much is passed by on either side that fewer than `least` can be shared. */
static int64_t shared_of(const uint64_t *one, int64_t n, const uint64_t *other, int64_t m, int64_t least) {
    int64_t i = 0, j = 0, same = 0;
    while (i < n && j < m) {
        int64_t left = n - i < m - j ? n - i : m - j, steps = left < STRIDE ? left : STRIDE;
        if (same + left < least) return -1;
        /* So many steps cannot lead past either end. */
        for (int64_t k = 0; k < steps; k++) {
            uint64_t a = one[i], b = other[j];
            same += a == b;
            i += a <= b;
            j += b <= a;
        }
    }
    return same;
}

/* The exact similarity, or -1 where it is seen to be below the threshold before all is compared. */
static double jaccard(const uint64_t *hashes, const int64_t *starts, int64_t one, int64_t other, double threshold) {
    int64_t n = starts[one + 1] - starts[one], m = starts[other + 1] - starts[other];
    int64_t small = n < m ? n : m, large = n < m ? m : n;
    if ((double)small < threshold * (double)large - 1e-9) return -1;
    /* same / (n + m - same) >= threshold; one less, since floats round. */
    int64_t least = (int64_t)(threshold / (1 + threshold) * (double)(n + m)) - 1;
    int64_t same = shared_of(hashes + starts[one], n, hashes + starts[other], m, least);
    if (same < 0) return -1;
    return n + m - same ? (double)same / (double)(n + m - same) : 0;
}

/* The similarity of rows of one table with rows of another. */
EXPORT void synth_jaccard(const uint64_t *hashes, const int64_t *starts, const uint64_t *others,
                          const int64_t *other_starts, const int64_t *left, const int64_t *right, int64_t pairs,
                          double *out) {
    for (int64_t i = 0; i < pairs; i++) {
        int64_t n = starts[left[i] + 1] - starts[left[i]], m = other_starts[right[i] + 1] - other_starts[right[i]];
        int64_t same = shared(hashes + starts[left[i]], n, others + other_starts[right[i]], m);
        out[i] = n + m - same ? (double)same / (double)(n + m - same) : 0;
    }
}

enum { TWINS_KEPT, TWINS_ALIKE, TWINS_REMOVED };

typedef struct {
    double threshold;
    int64_t crowded, leaders; /* of a bucket of more rows than `crowded`, so many that stay are compared with */
    int32_t bands, twins;
} Rules;

/* The rows of a bucket that stay: where they are listed, how many there are, and how many may be. */
typedef struct {
    int64_t from;
    uint32_t kept, room;
} Bucket;

/* Rows and buckets lie anywhere in memory: those of the next rows are sent for while this one is compared. */
static void fetch_ahead(const uint32_t *bucket, int bands, const Bucket *all, const int64_t *order, int64_t rank,
                        int64_t ranked) {
#if defined(__GNUC__)
    if (rank + 8 < ranked)
        for (int b = 0; b < bands; b += 16) __builtin_prefetch(bucket + order[rank + 8] * bands + b);
    if (rank + 3 >= ranked) return;
    const uint32_t *next = bucket + order[rank + 3] * bands;
    for (int b = 0; b < bands; b++)
        if (next[b]) __builtin_prefetch(all + next[b], 1);
#else
    (void)bucket, (void)bands, (void)all, (void)order, (void)rank, (void)ranked;
#endif
}

/* Goes through rows in the order of preference: a row that is like one that stays is removed, any other stays.
   `dup_of` has the row that stays and is most like it (the preferred one of equals), or -1; `similar` how alike.
   Only the `ranked` rows of the order are gone through; all `rows` count for how crowded a bucket is.
   `counts`: pairs checked; buckets that were crowded; rows that one of them did not take in. */
EXPORT int synth_choose(const Rules *rules, const uint64_t *hashes, const int64_t *starts, const uint64_t *keys,
                        const uint64_t *whole, const uint64_t *template, const int64_t *order, int64_t ranked,
                        int64_t rows, int64_t *dup_of, double *similar, int64_t *counts) {
    int bands = rules->bands;
    uint32_t *bucket = malloc((size_t)rows * (size_t)bands * 4 + 4), *sizes = NULL, *seen = calloc((size_t)rows + 1, 4);
    uint32_t *members = NULL;
    Bucket *all = NULL;
    int64_t room = 0, buckets = bucket && seen ? number_buckets(keys, starts, rows, bands, bucket, &sizes) : -1;
    counts[0] = counts[1] = counts[2] = 0;
    if (buckets >= 0) all = malloc((size_t)(buckets + 1) * sizeof *all);
    bool well = all != NULL;
    if (well) {
        for (int64_t k = 1; k < buckets; k++) {
            bool crowded = sizes[k] > rules->crowded;
            counts[1] += crowded;
            all[k] = (Bucket){room, 0, crowded && rules->leaders < sizes[k] ? (uint32_t)rules->leaders : sizes[k]};
            room += all[k].room;
        }
        members = malloc((size_t)room * sizeof *members + 4);
        well = members != NULL;
    }
    for (int64_t rank = 0; well && rank < ranked; rank++) {
        int64_t row = order[rank], best = -1;
        double most = -1;
        const uint32_t *mine = bucket + row * bands;
        fetch_ahead(bucket, bands, all, order, rank, ranked);
        for (int b = 0; b < bands; b++) {
            if (!mine[b]) continue;
            const uint32_t *list = members + all[mine[b]].from;
            for (uint32_t i = 0; i < all[mine[b]].kept; i++) {
                int64_t other = order[list[i]];
                if (seen[list[i]] == (uint32_t)rank + 1) continue;
                seen[list[i]] = (uint32_t)rank + 1;
                bool twin = template[other] == template[row] && whole[other] != whole[row];
                if (twin && rules->twins == TWINS_KEPT) continue;
                bool anyway = twin && rules->twins == TWINS_REMOVED;
                counts[0]++;
                double found = jaccard(hashes, starts, row, other, anyway ? 0 : rules->threshold);
                if (!anyway && found < rules->threshold) continue;
                if (found > most || (found == most && list[i] < best)) {
                    most = found;
                    best = list[i];
                }
            }
        }
        dup_of[row] = best < 0 ? -1 : order[best];
        similar[row] = best < 0 ? 0 : most;
        bool left_out = false;
        for (int b = 0; best < 0 && b < bands; b++) {
            uint32_t k = mine[b];
            if (!k) continue;
            if (all[k].kept < all[k].room)
                members[all[k].from + all[k].kept++] = (uint32_t)rank;
            else
                left_out = true;
        }
        counts[2] += left_out;
    }
    free(bucket);
    free(sizes);
    free(seen);
    free(members);
    free(all);
    return well ? 0 : -1;
}
