/* Shingles, MinHash values and band keys of rows: what `near` and `ngrams` make with numpy. */

#include "kernel.h"

#define LANES 32

static uint32_t mixed(uint32_t v) {
    v = (v ^ v >> 16) * 0x85EBCA6Bu;
    v = (v ^ v >> 13) * 0xC2B2AE35u;
    return v ^ v >> 16;
}

FAST void sign(const uint64_t *hashes, size_t count, const uint32_t *factors, const uint32_t *summands,
               int permutations, uint32_t *out) {
    for (int from = 0; from < permutations; from += LANES) {
        int lanes = permutations - from < LANES ? permutations - from : LANES;
        uint32_t a[LANES] = {0}, b[LANES] = {0}, least[LANES];
        memcpy(a, factors + from, (size_t)lanes * 4);
        memcpy(b, summands + from, (size_t)lanes * 4);
        memset(least, 0xFF, sizeof least);
        for (size_t i = 0; i < count; i++) {
            uint32_t v = mixed((uint32_t)hashes[i]);
            for (int k = 0; k < LANES; k++) {
                uint32_t found = a[k] * v + b[k];
                least[k] = found < least[k] ? found : least[k];
            }
        }
        memcpy(out + from, least, (size_t)lanes * 4);
    }
}

void band(const uint32_t *signature, int bands, int rows, uint64_t *keys) {
    for (int b = 0; b < bands; b++) {
        uint64_t key = 0;
        for (int r = 0; r < rows; r++) {
            key = (key ^ signature[b * rows + r]) * MULTIPLIER;
            key ^= key >> 29;
        }
        keys[b] = key;
    }
}

static int by_value(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void insertion(uint64_t *at, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t found = at[i];
        size_t k = i;
        for (; k && at[k - 1] > found; k--) at[k] = at[k - 1];
        at[k] = found;
    }
}

#define MOST_CELLS 4096

/* Sorts hashes and drops repeats; returns how many stay. They are spread evenly, so that a cell for each by its
   highest bits all but sorts them; where someone made them uneven, the cell is sorted as such. */
size_t distinct(uint64_t *hashes, size_t count, uint64_t *scratch) {
    if (count > 24) {
        uint32_t cells[MOST_CELLS + 1];
        int bits = 1;
        while (bits < 12 && (size_t)1 << bits < count) bits++;
        memset(cells, 0, (((size_t)1 << bits) + 1) * sizeof *cells);
        for (size_t i = 0; i < count; i++) cells[(hashes[i] >> (64 - bits)) + 1]++;
        for (size_t i = 1; i <= (size_t)1 << bits; i++) cells[i] += cells[i - 1];
        for (size_t i = 0; i < count; i++) scratch[cells[hashes[i] >> (64 - bits)]++] = hashes[i];
        memcpy(hashes, scratch, count * sizeof *hashes);
        for (size_t from = 0, cell = 0; cell < (size_t)1 << bits; from = cells[cell++]) {
            if (cells[cell] - from > 32) qsort(hashes + from, cells[cell] - from, sizeof *hashes, by_value);
        }
    }
    insertion(hashes, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!kept || hashes[i] != hashes[kept - 1]) hashes[kept++] = hashes[i];
    return kept;
}

EXPORT void synth_sign(const uint64_t *hashes, const int64_t *ends, int64_t rows, const uint32_t *factors,
                       const uint32_t *summands, int permutations, uint32_t *out) {
    for (int64_t row = 0, from = 0; row < rows; from = ends[row++])
        sign(hashes + from, (size_t)(ends[row] - from), factors, summands, permutations, out + row * permutations);
}

static bool make_room(Context *c, size_t more) {
    if (c->hash_count + more > c->hash_room) {
        size_t room = (c->hash_count + more) * 2;
        uint64_t *hashes = realloc(c->hashes, room * sizeof(uint64_t));
        if (!hashes) return false;
        c->hashes = hashes;
        c->hash_room = room;
    }
    if (more > c->scratch_room) {
        free(c->scratch);
        c->scratch = malloc(more * 2 * sizeof(uint64_t));
        c->scratch_room = c->scratch ? more * 2 : 0;
    }
    return c->scratch != NULL;
}

/* Runs of `width` tokens as numbers, of all where there are fewer; without repeats, sorted, behind `hashes`. */
static bool shingle(Context *c, int width) {
    size_t count = c->token_count, wide = count < (size_t)width ? count : (size_t)width;
    size_t runs = count ? count - wide + 1 : 0;
    if (!make_room(c, runs + 1)) return false;
    uint64_t *out = c->hashes + c->hash_count;
    for (size_t i = 0; i < runs; i++) {
        uint64_t run = 0;
        for (size_t k = 0; k < wide; k++) run = run * MULTIPLIER + c->tokens[i + k].hash;
        out[i] = run;
    }
    c->hash_count += distinct(out, runs, c->scratch);
    return true;
}

typedef struct {
    int width, permutations, bands, rows;
    const uint32_t *factors, *summands;
    uint64_t number; /* stands for any number in a template */
} Scheme;

/* Measures rows: for each the end of its hashes in the buffer of the context, the number of its tokens, a hash of
   all of them and of all with numbers masked, and its band keys (and signature where asked for). Returns the number
   of hashes, or -1 where memory ran out. */
EXPORT int64_t synth_measure(Context *c, const Scheme *s, const Texts *texts, int64_t rows, int64_t *ends,
                             int32_t *tokens, uint64_t *whole, uint64_t *template, uint64_t *keys,
                             uint32_t *signatures) {
    uint32_t *values = malloc((size_t)s->permutations * 4 + 4);
    c->failed = !values;
    c->hash_count = 0;
    for (int64_t row = 0; row < rows && !c->failed; row++) {
        int64_t from = (int64_t)c->hash_count;
        tokenise(c, texts, row);
        uint64_t all = 0, masked = 0;
        for (size_t i = 0; i < c->token_count; i++) {
            const Token *t = &c->tokens[i];
            all = all * MULTIPLIER + t->hash;
            masked = masked * MULTIPLIER + (t->first & IS_NUMBER ? s->number : t->hash);
        }
        whole[row] = all;
        template[row] = masked;
        tokens[row] = (int32_t)c->token_count;
        if (c->failed || !shingle(c, s->width)) c->failed = true;
        ends[row] = (int64_t)c->hash_count;
        if (c->failed) break;
        uint32_t *out = signatures ? signatures + row * s->permutations : values;
        if (s->permutations) {
            sign(c->hashes + from, (size_t)(ends[row] - from), s->factors, s->summands, s->permutations, out);
            band(out, s->bands, s->rows, keys + row * s->bands);
        }
    }
    free(values);
    return c->failed ? -1 : (int64_t)c->hash_count;
}

EXPORT const uint64_t *synth_hashes(const Context *c) { return c->hashes; }
