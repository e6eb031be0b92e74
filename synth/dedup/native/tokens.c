/* From a line of folded characters to tokens and their hashes; the hashes of known tokens are remembered. */

#include "kernel.h"

/* Longer tokens are hashed anew each time: nobody repeats them. */
#define REMEMBERED 64

static uint64_t hash_of(Context *c, const Char *at, size_t length) {
    uint8_t small[4 * REMEMBERED] = {0}, *bytes = length <= REMEMBERED ? small : malloc(4 * length);
    size_t size = 0;
    if (!bytes) {
        c->failed = true;
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        uint32_t code = CODE(at[i]);
        if (code < 0x80)
            bytes[size++] = (uint8_t)code;
        else if (code < 0x800) {
            bytes[size++] = (uint8_t)(0xC0 | code >> 6);
            bytes[size++] = (uint8_t)(0x80 | (code & 0x3F));
        } else {
            if (code < 0x10000)
                bytes[size++] = (uint8_t)(0xE0 | code >> 12);
            else {
                bytes[size++] = (uint8_t)(0xF0 | code >> 18);
                bytes[size++] = (uint8_t)(0x80 | (code >> 12 & 0x3F));
            }
            bytes[size++] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
            bytes[size++] = (uint8_t)(0x80 | (code & 0x3F));
        }
    }
    uint64_t found = blake2b_8(bytes, size);
    if (bytes != small) free(bytes);
    return found;
}

static bool widen(Context *c) {
    size_t room = c->entry_room ? c->entry_room * 2 : 4096;
    Entry *entries = calloc(room, sizeof(Entry));
    if (!entries) return false;
    for (size_t i = 0; i < c->entry_room; i++) {
        if (!c->entries[i].length) continue;
        uint64_t slot = c->entries[i].look * MULTIPLIER;
        size_t place = (slot ^ slot >> 32) & (room - 1);
        while (entries[place].length) place = (place + 1) & (room - 1);
        entries[place] = c->entries[i];
    }
    free(c->entries);
    c->entries = entries;
    c->entry_room = room;
    return true;
}

static bool remember(Context *c, size_t place, uint64_t look, uint64_t hash, const Char *at, size_t length,
                     bool exact) {
    if (c->letter_count + length > c->letter_room) {
        size_t room = (c->letter_count + length) * 2 + 1024;
        Char *letters = realloc(c->letters, room * sizeof(Char));
        if (!letters) return false;
        c->letters = letters;
        c->letter_room = room;
    }
    memcpy(c->letters + c->letter_count, at, length * sizeof(Char));
    c->entries[place] = (Entry){look, hash, (uint32_t)c->letter_count, (uint16_t)length, exact};
    c->letter_count += length;
    c->entry_count++;
    return true;
}

/* Shorter than a call of `memcmp` for the few characters that most tokens have. */
static bool same(const Char *one, const Char *other, size_t length) {
    size_t i = 0;
    while (i < length && one[i] == other[i]) i++;
    return i == length;
}

/* Up to eight characters of ASCII are their own key; others are compared letter by letter. */
static uint64_t look_of(const Char *at, size_t length, bool *exact) {
    uint64_t look = 0;
    Char all = 0;
    for (size_t i = 0; i < length; i++) {
        look = look << 8 ^ (look >> 56) * MULTIPLIER ^ CODE(at[i]);
        all |= at[i];
    }
    *exact = length <= 8 && CODE(all) < 128;
    return look;
}

static size_t slot(const Context *c, uint64_t look) {
    uint64_t spread = look * MULTIPLIER;
    return (spread ^ spread >> 32) & (c->entry_room - 1);
}

static bool have_room(Context *c) {
    if (c->entry_count >= c->most_entries) {
        memset(c->entries, 0, c->entry_room * sizeof(Entry));
        c->entry_count = c->letter_count = 0;
    }
    if (c->entry_count * 2 >= c->entry_room && !widen(c)) c->failed = true;
    return !c->failed;
}

static uint64_t token_hash(Context *c, const Token *t) {
    const Char *at = t->at;
    size_t length = t->length;
    if (length > REMEMBERED) return hash_of(c, at, length);
    if (!have_room(c)) return 0;
    size_t place = slot(c, t->look);
    for (; c->entries[place].length; place = (place + 1) & (c->entry_room - 1)) {
        const Entry *e = &c->entries[place];
        if (e->look != t->look || e->length != length) continue;
        if (t->exact ? e->exact : same(c->letters + e->start, at, length)) return e->hash;
    }
    uint64_t hash = hash_of(c, at, length);
    if (!remember(c, place, t->look, hash, at, length, t->exact)) c->failed = true;
    return hash;
}

/* Adds a token. Its hash is looked up later, when its place in the table has come into the processor's cache. */
static Token *add(Context *c, const Char *at, size_t length, bool word) {
    if (c->token_count >= c->token_room) {
        size_t room = c->token_room * 2 + 256;
        Token *tokens = realloc(c->tokens, room * sizeof(Token));
        if (!tokens) {
            c->failed = true;
            return &c->none;
        }
        c->tokens = tokens;
        c->token_room = room;
    }
    Token *t = &c->tokens[c->token_count++];
    t->at = at;
    t->length = (uint32_t)length;
    t->first = at[0];
    t->word = word && length > 1;
    t->marked = (at[0] & IS_NUMBER) || (length == 1 && ((at[0] & IS_ALPHA) || CODE(at[0]) == ')' || CODE(at[0]) == '\''));
    t->kind = UNTOLD;
    t->look = length > REMEMBERED ? 0 : look_of(at, length, &t->exact);
#if defined(__GNUC__)
    if (c->entry_room) __builtin_prefetch(c->entries + slot(c, t->look));
#endif
    return t;
}

/* Adds a token whose characters will not stay where they are. */
static void add_now(Context *c, const Char *at, size_t length) {
    Token *t = add(c, at, length, false);
    if (c->failed) return;
    t->hash = token_hash(c, t);
    t->at = NULL;
}

static bool single(const Token *t, char sign) { return t->length == 1 && CODE(t->first) == (uint32_t)sign; }

/* `!` and `'` that mark nothing, then `-` that only joins words. */
static void drop_punctuation(Context *c, bool marks, bool dashes) {
    Token *t = c->tokens;
    size_t count = c->token_count, kept = 0;
    if (marks) {
        for (size_t i = 0; i < count; i++)
            if (!(single(&t[i], '!') || single(&t[i], '\'')) || (kept && t[kept - 1].marked)) t[kept++] = t[i];
        count = kept;
    }
    if (dashes) {
        bool before = false; /* whether the token before this one, dropped or not, is a word */
        kept = 0;
        for (size_t i = 0; i < count; i++) {
            bool joins = single(&t[i], '-') && before && i + 1 < count && t[i + 1].word;
            before = t[i].word;
            if (!joins) t[kept++] = t[i];
        }
        count = kept;
    }
    c->token_count = count;
}

/* A number that is written without its nought: `.5`. */
static size_t bare_decimal(Context *c, const Char *a, size_t i, size_t count) {
    size_t end = i + 1;
    while (end < count && (a[end] & IS_DIGIT)) end++;
    c->spare.count = 0;
    put(c, c->pages[0]['0'] & CHAR_MASK);
    for (size_t k = i; k < end; k++) put(c, a[k]);
    if (!c->failed) add_now(c, c->spare.at, c->spare.count);
    return end;
}

static void split(Context *c) {
    const Char *a = c->line.at;
    size_t count = c->line.count;
    bool marks = false, dashes = false, spaced = true;
    c->token_count = 0;
    for (size_t i = 0; i < count;) {
        Char found = a[i];
        size_t end = i + 1;
        if (found & ITSELF) {
            if (found & IS_DIGIT) {
                while (end < count && ((a[end] & IS_DIGIT) ||
                                       (CODE(a[end]) == '.' && end + 1 < count && (a[end + 1] & IS_DIGIT))))
                    end++;
                add(c, a + i, end - i, false);
            } else if (CODE(found) == '.') {
                if (spaced && end < count && (a[end] & IS_DIGIT)) end = bare_decimal(c, a, i, count);
            } else {
                Char all = found;
                while (end < count && (a[end] & ITSELF) && !(a[end] & IS_DIGIT) && CODE(a[end]) != '.') all &= a[end++];
                add(c, a + i, end - i, (all & IS_ALPHA) != 0);
            }
            spaced = false;
        } else {
            if (found & APART) {
                uint32_t code = CODE(found);
                if (code == '{') found = c->pages[0]['('] & CHAR_MASK;
                if (code == '}') found = c->pages[0][')'] & CHAR_MASK;
                marks |= code == '!' || code == '\'';
                dashes |= code == '-';
                if (found == a[i])
                    add(c, a + i, 1, false);
                else
                    add_now(c, &found, 1);
            }
            spaced = true;
        }
        i = end;
    }
    if (marks || dashes) drop_punctuation(c, marks, dashes);
    for (size_t i = 0; i < c->token_count && !c->failed; i++)
        if (c->tokens[i].at) c->tokens[i].hash = token_hash(c, &c->tokens[i]);
}

/* Tokens that Python made, one a line, each behind a byte that says its kind, and 16 where it is a number. */
static void split_given(Context *c, const uint8_t *text, size_t size) {
    c->token_count = 0;
    for (size_t at = 0; at < size && !c->failed;) {
        const uint8_t *end = memchr(text + at, '\n', size - at);
        size_t length = (end ? (size_t)(end - text) : size) - at;
        Char first = text[at] & 16 ? IS_NUMBER : 0;
        if (length > 1) {
            Token *t = add(c, &first, 1, false);
            t->at = NULL;
            t->hash = blake2b_8(text + at + 1, length - 1);
            t->kind = text[at] & 15;
        }
        at += length + 1;
    }
}

/* The tokens of a text, with their hashes, into `c->tokens`; false where memory ran out. */
bool tokenise(Context *c, const Texts *texts, int64_t row) {
    int64_t other = texts->given[row], from = texts->offsets[row];
    if (other >= 0) {
        const int64_t *at = texts->given_offsets + other;
        split_given(c, texts->given_data + at[0], (size_t)(at[1] - at[0]));
        return !c->failed;
    }
    uint32_t flags = 0;
    if (!fold(c, texts->data + from, (size_t)(texts->offsets[row + 1] - from), &flags)) c->failed = true;
    dress(c, flags);
    split(c);
    return !c->failed;
}
