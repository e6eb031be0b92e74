/* From bytes to folded characters, and the passes of `normalise.tokens` that look at neighbours. */

#include "kernel.h"

static const uint8_t FLAGS[128] = {
    ['='] = HAS_RELATION | HAS_EQUAL, ['-'] = HAS_RELATION, ['{'] = HAS_BRACE | HAS_RELATION, ['\\'] = HAS_BACKSLASH,
    ['*'] = HAS_STAR,     [','] = HAS_COMMA,    ['\''] = HAS_QUOTE,
};

uint32_t flag_of(Char found) { return CODE(found) < 128 ? FLAGS[CODE(found)] : 0; }

bool grow(Context *c, Line *line, size_t room) {
    if (room <= line->room) return true;
    room += room / 2 + 64;
    Char *at = realloc(line->at, room * sizeof(Char));
    if (!at) {
        c->failed = true;
        return false;
    }
    line->at = at;
    line->room = room;
    return true;
}

void swap_lines(Context *c) {
    Line line = c->line;
    c->line = c->spare;
    c->spare = line;
    c->spare.count = 0;
}

/* The next code point of UTF-8, or -1 where the bytes are none; `*at` moves behind it. */
static int64_t decoded(const uint8_t *text, size_t size, size_t *at) {
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    uint8_t head = text[*at];
    int more = head >= 0xF0 ? 3 : head >= 0xE0 ? 2 : 1;
    if (head < 0xC2 || head > 0xF4 || *at + (size_t)more >= size) return -1;
    uint32_t code = head & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        uint8_t byte = text[*at + (size_t)i];
        if ((byte & 0xC0) != 0x80) return -1;
        code = code << 6 | (byte & 0x3Fu);
    }
    if (code < least[more] || code > 0x10FFFF || (code >> 11) == 0x1B) return -1;
    *at += (size_t)more + 1;
    return code;
}

static uint32_t entry_of(const Context *c, uint32_t code) {
    const uint32_t *page = c->pages[code >> 8];
    return page ? page[code & 255] : 0;
}

/* Whether a text has what Python must read: a control that is no white space, or what may be an HTML entity. */
FAST static bool unusual(const uint8_t *text, size_t size) {
    uint8_t control = 0, entity = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t a = text[i];
        control |= ((a < 32) & ((uint8_t)(a - 9) > 4) & ((uint8_t)(a - 28) > 2)) | (a == 127);
        entity |= a == '&';
    }
    if (!entity || control) return control;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '&') continue;
        size_t end = i + 1;
        for (; end < size && end - i < 34; end++) {
            uint8_t b = text[end], small = b | 32;
            if (b != '#' && (b < '0' || b > '9') && (small < 'a' || small > 'z')) break;
        }
        if (end < size && end > i + 1 && text[end] == ';') return true;
    }
    return false;
}

/* For each row: 0 the kernel can do it, 1 it cannot, 2 it holds unknown code points, of which the first go to
   `unknown` (once each in a row's neighbourhood; the caller drops repeats). Returns how many went there. */
EXPORT int64_t synth_scan(const Context *c, const uint8_t *data, const int64_t *offsets, int64_t rows, uint8_t *status,
                          uint32_t *unknown, int64_t most) {
    int64_t found = 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *text = data + offsets[row];
        size_t size = (size_t)(offsets[row + 1] - offsets[row]), at = 0;
        status[row] = unusual(text, size);
        while (at < size && status[row] != 1) {
            uint64_t eight;
            while (at + 8 <= size && (memcpy(&eight, text + at, 8), !(eight & 0x8080808080808080ULL))) at += 8;
            if (at >= size) break;
            if (text[at] < 128) {
                at++;
                continue;
            }
            int64_t code = decoded(text, size, &at);
            uint32_t entry = code < 0 ? UNSAFE << 28 : entry_of(c, (uint32_t)code);
            if (KIND(entry) == UNSAFE) status[row] = 1;
            if (!entry) {
                status[row] = 2;
                if (found < most && (!found || unknown[found - 1] != code)) unknown[found++] = (uint32_t)code;
            }
        }
    }
    return found;
}

static void lay(Context *c, Char found) {
    if (c->line.count >= c->line.room && !grow(c, &c->line, c->line.count + 1)) return;
    c->line.at[c->line.count++] = found;
}

/* Which passes may find something in a text in ASCII. Most texts have commas and hyphens, few have one where a pass
   looks at it: two neighbours tell. What is put for LaTeX begins and ends with a blank, so it makes none neighbours;
   `{,}` does, and stars that go. */
FAST static uint32_t needed(const uint8_t *text, size_t size, uint32_t seen) {
    uint8_t equal = 0, pause = 0, thin = 0, comma = 0, quote = 0;
    for (size_t i = 0; i + 1 < size; i++) {
        uint8_t a = text[i], b = text[i + 1];
        equal |= (b == '=') & ((a == '<') | (a == '>') | (a == '!'));
        pause |= (a == '-') & (b == '-');
        thin |= (a == '{') & (b == ',');
        comma |= (a == ',') & ((uint8_t)(b - '0') < 10);
        quote |= (a == '\'') & ((uint8_t)((b | 32) - 'a') < 26);
    }
    uint32_t kept = seen & (HAS_BACKSLASH | HAS_BRACE | HAS_STAR);
    if (seen & HAS_STAR) kept |= seen & (HAS_COMMA | HAS_QUOTE);
    return kept | (equal ? HAS_RELATION | HAS_EQUAL : 0) | (pause | thin ? HAS_RELATION : 0) |
           (comma | thin ? HAS_COMMA : 0) | (quote ? HAS_QUOTE : 0);
}

bool fold(Context *c, const uint8_t *text, size_t size, uint32_t *flags) {
    const uint32_t *ascii = c->pages[0];
    uint32_t seen = 0;
    bool raised = false, ascii_only = true;
    c->line.count = 0;
    if (!grow(c, &c->line, size + 1)) return false;
    size_t at = 0;
    while (at < size) {
        size_t count = c->line.count;
        Char *out = c->line.at;
        size_t left = c->line.room - count;
        size_t end = size - at < left ? size : at + left;
        size_t from = at;
        for (; at < end && text[at] < 128; at++) {
            out[count++] = ascii[text[at]] & CHAR_MASK;
            seen |= FLAGS[text[at]];
        }
        c->line.count = count;
        if (at > from) raised = false;
        if (at >= size) break;
        if (text[at] < 128) {
            if (!grow(c, &c->line, count + size - at + 1)) return false;
            continue;
        }
        ascii_only = false;
        int64_t code = decoded(text, size, &at);
        if (code < 0) return false;
        uint32_t entry = entry_of(c, (uint32_t)code);
        bool super = (entry & SUPERSCRIPT) != 0;
        if (super && !raised) lay(c, c->said[CARET]);
        if (KIND(entry) == SINGLE) {
            lay(c, entry & CHAR_MASK);
            seen |= flag_of(entry & CHAR_MASK);
            raised = super;
        } else {
            const Char *many = c->pool + (entry & CHAR_MASK);
            for (Char i = 1; i <= many[0]; i++) {
                lay(c, many[i]);
                seen |= flag_of(many[i]);
            }
            /* What is deleted parts no superscripts. */
            if (many[0]) raised = super;
        }
    }
    *flags = ascii_only && seen ? needed(text, size, seen) : seen;
    return !c->failed;
}

/* The next place of one of two characters, or the end. */
FAST size_t next_of(const Char *at, size_t i, size_t count, uint32_t one, uint32_t two) {
    /* In a formula the next one is near; in prose there is none. */
    for (size_t near = i + 16 < count ? i + 16 : count; i < near; i++)
        if (CODE(at[i]) == one || CODE(at[i]) == two) return i;
    for (; i + 64 <= count; i += 64) {
        uint32_t any = 0;
        for (int k = 0; k < 64; k++) any |= (CODE(at[i + k]) == one) | (CODE(at[i + k]) == two);
        if (any) break;
    }
    for (; i + 8 <= count; i += 8) {
        uint32_t any = 0;
        for (int k = 0; k < 8; k++) any |= (CODE(at[i + k]) == one) | (CODE(at[i + k]) == two);
        if (any) break;
    }
    while (i < count && CODE(at[i]) != one && CODE(at[i]) != two) i++;
    return i;
}

/* One pass: at each place whose character is among `heads`, `match` may put something else. */
bool substitute(Context *c, const char *heads, Match match) {
    View v = {c->line.at, c->line.count};
    uint32_t one = (uint32_t)heads[0], two = (uint32_t)(heads[1] ? heads[1] : heads[0]);
    size_t copied = 0;
    bool any = false;
    c->spare.count = 0;
    for (size_t i = 0; (i = next_of(v.at, i, v.count, one, two)) < v.count && !c->failed;) {
        put_all(c, v.at + copied, i - copied);
        copied = i;
        size_t end = match(c, v, i);
        any |= end != 0;
        i = end ? end : i + 1;
        if (end) copied = end;
    }
    if (!any) return false;
    put_all(c, v.at + copied, v.count - copied);
    swap_lines(c);
    return true;
}

/* `<=`, `>=`, `!=`: found by their second character, the first of which was put already. */
static size_t relation(Context *c, View v, size_t i) {
    uint32_t before = i ? CODE(v.at[i - 1]) : 0;
    int said = before == '<' ? LESS_EQUAL : before == '>' ? MORE_EQUAL : before == '!' ? UNEQUAL : -1;
    if (said < 0) return 0;
    c->spare.at[c->spare.count - 1] = c->said[SPACE_CHAR];
    put(c, c->said[said]);
    put(c, c->said[SPACE_CHAR]);
    return i + 1;
}

/* `---` is a pause, `{,}` a comma. */
static size_t pause(Context *c, View v, size_t i) {
    uint32_t code = CODE(v.at[i]), next = code_at(v, i + 1), after = code_at(v, i + 2);
    if (code == '-' && next == '-' && after == '-') {
        put(c, c->said[SPACE_CHAR]);
        return i + 3;
    }
    if (code == '{' && next == ',' && after == '}') {
        put(c, v.at[i + 1]);
        return i + 3;
    }
    return 0;
}

static bool word_or_star(Char found) { return (found & IS_WORD) || CODE(found) == '*'; }

/* `*text*` and `**text**` lose their stars. */
static size_t emphasis(Context *c, View v, size_t i) {
    const Char *a = v.at;
    if (i && word_or_star(a[i - 1])) return 0;
    size_t stars = code_at(v, i + 1) == '*' ? 2 : 1, from = i + stars, to = from;
    while (to < v.count && to - from < 400 && CODE(a[to]) != '*' && CODE(a[to]) != '\n') to++;
    if (to == from || (a[from] & IS_SPACE) || (a[to - 1] & IS_SPACE)) return 0;
    for (size_t s = 0; s < stars; s++)
        if (code_at(v, to + s) != '*') return 0;
    if (to + stars < v.count && word_or_star(a[to + stars])) return 0;
    put_all(c, a + from, to - from);
    return to + stars;
}

static bool is_digit(View v, size_t i) { return i < v.count && (v.at[i] & IS_DIGIT); }

/* Commas between thousands: found by the first of them, behind at most three digits that were put already. */
static size_t thousands(Context *c, View v, size_t i) {
    size_t head = i, end = i;
    while (head && is_digit(v, head - 1)) head--;
    uint32_t before = head ? CODE(v.at[head - 1]) : 0;
    if (head == i || i - head > 3 || before == '.' || before == ',') return 0;
    while (code_at(v, end) == ',' && is_digit(v, end + 1) && is_digit(v, end + 2) && is_digit(v, end + 3)) end += 4;
    if (end == i || is_digit(v, end) || code_at(v, end) == ',') return 0;
    for (; i < end; i += 4) put_all(c, v.at + i + 1, 3);
    return end;
}

static bool small(View v, size_t i) { return code_at(v, i) >= 'a' && code_at(v, i) <= 'z'; }

/* Apostrophes inside words. */
static size_t apostrophe(Context *c, View v, size_t i) {
    (void)c;
    return i >= 2 && small(v, i - 2) && small(v, i - 1) && small(v, i + 1) ? i + 1 : 0;
}

void dress(Context *c, uint32_t flags) {
    if (flags & HAS_RELATION) {
        if (flags & HAS_EQUAL) substitute(c, "=", relation);
        substitute(c, "-{", pause);
    }
    if (flags & HAS_STAR) substitute(c, "*", emphasis);
    if (flags & HAS_BACKSLASH) undress(c);
    if (flags & HAS_BRACE) ungroup(c);
    if (flags & HAS_STAR) substitute(c, "*", emphasis);
    if (flags & HAS_COMMA) substitute(c, ",", thousands);
    if (flags & HAS_QUOTE) substitute(c, "'", apostrophe);
}
