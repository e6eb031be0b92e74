/* Texts as hashes of their tokens, and which of them may overlap a benchmark: what `rows` and `sieve` do with numpy. */

#include "kernel.h"

enum { SPOKEN = 1, BRACKET = 2, NUMBER = 4, WORD = 8 };  /* as in `kinds` */
enum { SIGNED, SAID, MASKED };
#define SPACELESS 0x0E00u
#define CELLS 256

/* Number words, by their hashes: a table of few entries, 0 where one is free. */
static void tabled(uint64_t *cells, const uint64_t *hashes, int count) {
    memset(cells, 0, CELLS * sizeof *cells);
    for (int i = 0; i < count; i++) {
        size_t at = hashes[i] % CELLS;
        while (cells[at]) at = (at + 1) % CELLS;
        cells[at] = hashes[i];
    }
}

static bool is_tabled(const uint64_t *cells, uint64_t hash) {
    size_t at = hash % CELLS;
    while (cells[at] && cells[at] != hash) at = (at + 1) % CELLS;
    return cells[at] != 0;
}

static bool is_bracket(const Token *t) {
    static const uint8_t brackets[128] = {
        ['('] = 1, [')'] = 1, ['['] = 1, [']'] = 1, ['\''] = 1, ['&'] = 1, ['#'] = 1, ['|'] = 1, ['!'] = 1,
    };
    return t->length == 1 && CODE(t->first) < 128 && brackets[CODE(t->first)];
}

static int kind_of(const Token *t, const uint64_t *number_words) {
    if (t->kind != UNTOLD) return t->kind;
    bool number = (t->first & IS_NUMBER) || (t->word && is_tabled(number_words, t->hash));
    int kind = (t->first & IS_WORD ? SPOKEN : 0) | (number ? NUMBER : 0) | (is_bracket(t) ? BRACKET : 0);
    if ((t->first & IS_ALPHA) && !number && (t->length > 1 || CODE(t->first) >= SPACELESS)) kind |= WORD;
    return kind;
}

static bool widened(Context *c, size_t more) {
    for (int i = 0; i < 3; i++) {
        Values *v = &c->found[i];
        if (v->count + more <= v->room) continue;
        size_t room = (v->count + more) * 2;
        uint64_t *at = realloc(v->at, room * sizeof *at);
        if (!at) return false;
        v->at = at;
        v->room = room;
    }
    if (c->found[SAID].room > c->worded_room) {
        uint8_t *worded = realloc(c->worded, c->found[SAID].room);
        if (!worded) return false;
        c->worded = worded;
        c->worded_room = c->found[SAID].room;
    }
    return true;
}

static int64_t lay_out(Context *c, const uint64_t *number_words, uint64_t any_number) {
    Values *signed_ = &c->found[SIGNED], *said = &c->found[SAID], *masked = &c->found[MASKED];
    int64_t spare = 0;
    bool after_number = false;
    for (size_t i = 0; i < c->token_count; i++) {
        const Token *t = &c->tokens[i];
        int kind = kind_of(t, number_words);
        if (kind & SPOKEN) {
            c->worded[said->count] = (kind & WORD) != 0;
            said->at[said->count++] = t->hash;
        }
        if (kind & BRACKET) continue;
        bool number = (kind & NUMBER) != 0;
        signed_->at[signed_->count++] = t->hash;
        /* Of numbers in a row one stays: `twenty five` is as many as `25`. */
        if (!number)
            masked->at[masked->count++] = t->hash;
        else if (!after_number)
            masked->at[masked->count++] = any_number;
        spare += !number;
        after_number = number;
    }
    return spare;
}

/* Reads texts. `ends` has for each row where it ends in the three arrays of `synth_values`, `spare` how many of its
   masked values are no number. Returns -1 where memory ran out. */
EXPORT int synth_read(Context *c, const uint64_t *number_words, int words, uint64_t any_number, const Texts *texts,
                      int64_t rows, int64_t *ends, int64_t *spare) {
    uint64_t cells[CELLS];
    tabled(cells, number_words, words);
    c->failed = false;
    for (int i = 0; i < 3; i++) c->found[i].count = 0;
    for (int64_t row = 0; row < rows; row++) {
        if (!tokenise(c, texts, row) || !widened(c, c->token_count + 1)) return -1;
        spare[row] = lay_out(c, cells, any_number);
        for (int i = 0; i < 3; i++) ends[i * rows + row] = (int64_t)c->found[i].count;
    }
    return 0;
}

/* Of what was read last: signed, said, masked; 3: which of the said are words, a byte each. */
EXPORT const void *synth_values(const Context *c, int which) {
    return which == 3 ? (const void *)c->worded : (const void *)c->found[which].at;
}

/* A sorted set, with a bit for the leading bits of each member. */
typedef struct {
    const uint64_t *values;
    const uint8_t *bits;
    int64_t count, shift;
} Set;

static bool has(const Set *s, uint64_t asked) {
    uint64_t cell = asked >> s->shift;
    if (!(s->bits[cell >> 3] >> (cell & 7) & 1)) return false;
    const uint64_t *at = s->values;
    for (int64_t left = s->count; left > 1;) {
        int64_t half = left / 2;
        at += at[half] <= asked ? half : 0;
        left -= half;
    }
    return s->count && *at == asked;
}

static uint64_t power(int64_t exponent) {
    uint64_t found = 1;
    while (exponent-- > 0) found *= MULTIPLIER;
    return found;
}

/* The runs of a row, one after another: `at` is the place behind the one whose value is there. */
typedef struct {
    const uint64_t *values;
    int64_t count, width, at;
    uint64_t value, leading;
} Runs;

static Runs runs_of(const uint64_t *values, int64_t count, int64_t width, uint64_t leading) {
    Runs r = {values, count, width, width, 0, leading};
    for (int64_t i = 0; count >= width && i < width; i++) r.value = r.value * MULTIPLIER + values[i];
    return r;
}

static bool more(const Runs *r) { return r->at <= r->count; }

static void move(Runs *r) {
    if (r->at < r->count)
        r->value = r->value * MULTIPLIER + r->values[r->at] - r->values[r->at - r->width] * r->leading;
    r->at++;
}

static bool any_of(const Set *s, Runs r) {
    for (; s->count && more(&r); move(&r))
        if (has(s, r.value)) return true;
    return false;
}

static bool all_of(const Set *s, Runs r) {
    for (; more(&r); move(&r))
        if (!has(s, r.value)) return false;
    return true;
}

/* Whether so large a share of the runs is in the set. */
static bool share_of(const Set *s, Runs r, double share) {
    int64_t count = r.count >= r.width ? r.count - r.width + 1 : 0, known = 0, left = count;
    double least = share * (double)count;
    for (; left && (double)(known + left) >= least; left--, move(&r)) known += has(s, r.value);
    return !left && known > 0 && (double)known >= least;
}

static uint64_t whole(const uint64_t *at, int64_t count) {
    uint64_t run = 0;
    for (int64_t i = 0; i < count; i++) run = run * MULTIPLIER + at[i];
    return run;
}

enum { EQUAL, TEMPLATES, NGRAMS, HALVES, WITHIN, HEADS };

/* Which rows must be looked at: what `Sieve.left` says. `widths`: of an n-gram, of half of one, and of the least
   text that says something whole. */
EXPORT void synth_left(const Set *sets, const int64_t *widths, double jaccard, const uint64_t *signed_,
                       const int64_t *signed_starts, const uint64_t *said, const int64_t *said_starts,
                       const uint64_t *masked, const int64_t *masked_starts, const int64_t *spare, int64_t rows,
                       uint8_t *left) {
    int64_t ngram = widths[0], half = widths[1], least = widths[2];
    uint64_t powers[3] = {power(ngram), power(half), power(least)};
    for (int64_t row = 0; row < rows; row++) {
        const uint64_t *s = signed_ + signed_starts[row], *w = said + said_starts[row], *m = masked + masked_starts[row];
        int64_t signs = signed_starts[row + 1] - signed_starts[row], words = said_starts[row + 1] - said_starts[row];
        int64_t all = masked_starts[row + 1] - masked_starts[row];
        bool found = signs && has(&sets[EQUAL], whole(s, signs));
        found = found || (all > spare[row] && spare[row] >= least && has(&sets[TEMPLATES], whole(m, all)));
        found = found || any_of(&sets[NGRAMS], runs_of(w, words, ngram, powers[0]));
        found = found || any_of(&sets[HEADS], runs_of(s, signs, least, powers[2]));
        if (!found && words < ngram)
            found = signs >= least && all_of(&sets[WITHIN], runs_of(s, signs, least, powers[2]));
        else if (!found)
            found = share_of(&sets[HALVES], runs_of(w, words, half, powers[1]), jaccard);
        left[row] = found;
    }
}
