/* What the parts of the kernel share. Python code does the same (`normalise`, `ngrams`, `near`, `survivors`);
   tests hold both to the same bytes. Plain C11 without Python.h: it is loaded by ctypes, which lets go of the
   interpreter's lock during each call. Nothing here is written to outside what the caller gave or `Context` owns. */

#ifndef SYNTH_KERNEL_H
#define SYNTH_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Two copies of hot loops, of which the loader takes the one that the processor can run. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FAST
#endif

#define MULTIPLIER 0x9E3779B97F4A7C15ULL

/* A folded character: its code point in the low 21 bits, what Python says of it above. */
typedef uint32_t Char;
#define CODE(c) ((c) & 0x1FFFFFu)
#define IS_SPACE (1u << 21)  /* \s */
#define IS_WORD (1u << 22)   /* \w */
#define IS_DIGIT (1u << 23)  /* \d */
#define IS_ALPHA (1u << 24)  /* str.isalpha */
#define IS_NUMBER (1u << 25) /* str.isdigit */
#define ITSELF (1u << 26)    /* stands as it is in the split text */
#define APART (1u << 27)     /* is a token of its own; neither: a space */
#define CHAR_MASK 0x0FFFFFFFu

/* What the table knows of a character before folding, in bits 28 to 30; bit 31: a superscript. */
#define KIND(e) (((e) >> 28) & 7u)
#define SINGLE 1u  /* one folded character */
#define MANY 2u    /* a string in the pool, maybe an empty one */
#define UNSAFE 3u  /* depends on its neighbours: Python must do the row */
#define SUPERSCRIPT (1u << 31)

#define PAGES (0x110000 >> 8)

typedef struct {
    Char *at;
    size_t count, room;
} Line;

typedef struct {
    const Char *at; /* NULL: its hash is known */
    uint64_t look, hash;
    uint32_t length;
    Char first;
    bool word;   /* more than one character, and letters only */
    bool exact;  /* `look` is all of it */
    bool marked; /* `!` or `'` may follow */
    uint8_t kind; /* where Python said it: what `kinds` says of it; else UNTOLD */
} Token;

#define UNTOLD 0xFF

/* Texts for a call. A text whose `given` is not negative is that one of the texts of tokens instead. */
typedef struct {
    const uint8_t *data;
    const int64_t *offsets, *given;
    const uint8_t *given_data;
    const int64_t *given_offsets;
} Texts;

typedef struct {
    uint64_t *at;
    size_t count, room;
} Values;

typedef struct {
    uint64_t look, hash;
    uint32_t start; /* in `letters` */
    uint16_t length; /* 0: free */
    bool exact;      /* `look` is the token itself */
} Entry;

typedef struct {
    uint32_t *pages[PAGES];
    Char *pool;
    size_t pool_count;
    /* LaTeX commands: names one after another, and the character of each (0: silent). */
    const char *names[256];
    uint32_t name_lengths[256];
    Char values[256];
    int commands;
    char *name_bytes;
    Line line, spare;
    Token *tokens, none;
    size_t token_count, token_room;
    Entry *entries;
    size_t entry_count, entry_room, most_entries;
    Char *letters;
    size_t letter_count, letter_room;
    uint64_t *hashes;
    size_t hash_count, hash_room;
    uint64_t *scratch;
    size_t scratch_room;
    Values found[3]; /* of `synth_read` */
    uint8_t *worded;
    size_t worded_room;
    Char said[8]; /* characters that are put in: see `enum` */
    bool failed;  /* out of memory */
} Context;

enum { SPACE_CHAR, LESS_EQUAL, MORE_EQUAL, UNEQUAL, DEGREE_CHAR, CARET };

/* text.c */
bool fold(Context *c, const uint8_t *text, size_t size, uint32_t *flags);
bool grow(Context *c, Line *line, size_t room);
void swap_lines(Context *c);
size_t next_of(const Char *at, size_t i, size_t count, uint32_t one, uint32_t two);
void dress(Context *c, uint32_t flags);

/* latex.c */
void undress(Context *c);
void ungroup(Context *c);

/* tokens.c */
bool tokenise(Context *c, const Texts *texts, int64_t row);

/* minhash.c */
void sign(const uint64_t *hashes, size_t count, const uint32_t *factors, const uint32_t *summands, int permutations,
          uint32_t *out);
void band(const uint32_t *signature, int bands, int rows, uint64_t *keys);
size_t distinct(uint64_t *hashes, size_t count, uint64_t *scratch);

/* blake2b.c */
uint64_t blake2b_8(const uint8_t *data, size_t size);

/* A match at `i`: what stands for it is written to `spare`, and its end is returned; 0 where nothing matches. */
typedef struct {
    const Char *at;
    size_t count;
} View;
typedef size_t (*Match)(Context *c, View v, size_t i);
bool substitute(Context *c, const char *heads, Match match);

static inline void put(Context *c, Char found) {
    if (c->spare.count >= c->spare.room && !grow(c, &c->spare, c->spare.count + 1)) return;
    c->spare.at[c->spare.count++] = found;
}

static inline void put_all(Context *c, const Char *from, size_t count) {
    if (!count) return; /* a line that is still empty has no memory, and `memcpy` takes no NULL */
    if (c->spare.count + count > c->spare.room && !grow(c, &c->spare, c->spare.count + count)) return;
    memcpy(c->spare.at + c->spare.count, from, count * sizeof(Char));
    c->spare.count += count;
}

static inline uint32_t code_at(View v, size_t i) { return i < v.count ? CODE(v.at[i]) : 0; }

/* What a text holds, so that passes over what it does not hold are left out. */
#define HAS_RELATION 1u
#define HAS_BACKSLASH 2u
#define HAS_BRACE 4u
#define HAS_STAR 8u
#define HAS_COMMA 16u
#define HAS_QUOTE 32u
#define HAS_EQUAL 64u
uint32_t flag_of(Char found);

#endif
