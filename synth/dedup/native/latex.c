/* LaTeX dress: the same substitutions as in `normalise`, in the same order, each a pass over the line. */

#include "kernel.h"

static size_t past_spaces(View v, size_t i) {
    while (i < v.count && (v.at[i] & IS_SPACE)) i++;
    return i;
}

static size_t past_letters(View v, size_t i) {
    while (i < v.count && CODE(v.at[i]) >= 'a' && CODE(v.at[i]) <= 'z') i++;
    return i;
}

static bool spells(View v, size_t i, const char *word) {
    for (; *word; word++, i++)
        if (code_at(v, i) != (uint32_t)*word) return false;
    return true;
}

/* Behind `{...}` that begins at `i` and holds at most `most` characters, none of them a brace; 0 where none is. */
static size_t past_braces(View v, size_t i, size_t most) {
    if (code_at(v, i) != '{') return 0;
    size_t from = ++i;
    while (i < v.count && i - from <= most && CODE(v.at[i]) != '{' && CODE(v.at[i]) != '}') i++;
    return code_at(v, i) == '}' && i - from <= most ? i + 1 : 0;
}

static void space(Context *c) { put(c, c->said[SPACE_CHAR]); }

static size_t environment(Context *c, View v, size_t i) {
    size_t after = spells(v, i + 1, "begin") ? i + 6 : spells(v, i + 1, "end") ? i + 4 : 0;
    size_t end = after ? past_braces(v, past_spaces(v, after), 40) : 0;
    if (end) space(c);
    return end;
}

static size_t circ(View v, size_t i) { return code_at(v, i) == '\\' && spells(v, i + 1, "circ") ? i + 5 : 0; }

static size_t degree(Context *c, View v, size_t i) {
    size_t at = past_spaces(v, i + 1), end = 0;
    if (code_at(v, at) == '{') {
        size_t after = circ(v, past_spaces(v, at + 1));
        after = after ? past_spaces(v, after) : 0;
        end = after && code_at(v, after) == '}' ? after + 1 : 0;
    } else if (code_at(v, at) == CODE(c->said[DEGREE_CHAR])) {
        end = at + 1;
    } else {
        end = circ(v, at);
        if (end && past_letters(v, end) != end) end = 0;
    }
    if (end) put(c, c->said[DEGREE_CHAR]);
    return end;
}

static size_t typeset(Context *c, View v, size_t i) {
    size_t named = past_letters(v, i + 1), length = named - i - 1;
    bool known = (spells(v, i + 1, "text") && length <= 6) ||
                 (spells(v, i + 1, "math") && (length == 6 || length == 7)) ||
                 (spells(v, i + 1, "mbox") && length == 4) || (spells(v, i + 1, "emph") && length == 4) ||
                 (spells(v, i + 1, "operatorname") && length == 12);
    if (!known) return 0;
    size_t open = past_spaces(v, named), end = past_braces(v, open, 2000);
    if (!end) return 0;
    space(c);
    put_all(c, v.at + open + 1, end - 1 - (open + 1));
    space(c);
    return end;
}

static size_t past_frac(View v, size_t i) {
    i++;
    if (code_at(v, i) == 'd' || code_at(v, i) == 't') i++;
    return spells(v, i, "frac") ? i + 4 : 0;
}

static bool digit(View v, size_t i) { return i < v.count && (v.at[i] & IS_DIGIT); }

static size_t short_fraction(Context *c, View v, size_t i) {
    size_t after = past_frac(v, i);
    if (!after) return 0;
    size_t above = past_spaces(v, after), below = past_spaces(v, above + 1);
    if (!digit(v, above) || !digit(v, below)) return 0;
    space(c);
    put(c, v.at[above]);
    put(c, c->pages[0]['/'] & CHAR_MASK);
    put(c, v.at[below]);
    space(c);
    return below + 1;
}

/* A number, or a run of letters: its end, or where it began. */
static size_t past_atom(View v, size_t i) {
    size_t from = i;
    while (digit(v, i)) i++;
    if (i > from) {
        if (code_at(v, i) != '.' || !digit(v, i + 1)) return i;
        for (i++; digit(v, i);) i++;
        return i;
    }
    while (i < v.count && (v.at[i] & IS_WORD) && !(v.at[i] & IS_DIGIT) && CODE(v.at[i]) != '_') i++;
    return i;
}

static void part(Context *c, View v, size_t from, size_t to) {
    View inside = {v.at, to};
    size_t atom = past_spaces(inside, from), end = past_atom(inside, atom);
    bool plain = end > atom && past_spaces(inside, end) == to;
    if (!plain) put(c, c->pages[0]['('] & CHAR_MASK);
    put_all(c, v.at + from, to - (from));
    if (!plain) put(c, c->pages[0][')'] & CHAR_MASK);
}

static size_t fraction(Context *c, View v, size_t i) {
    size_t after = past_frac(v, i);
    if (!after) return 0;
    size_t above = past_spaces(v, after), above_end = past_braces(v, above, 400);
    if (!above_end) return 0;
    size_t below = past_spaces(v, above_end), below_end = past_braces(v, below, 400);
    if (!below_end) return 0;
    space(c);
    part(c, v, above + 1, above_end - 1);
    space(c);
    put(c, c->pages[0]['/'] & CHAR_MASK);
    space(c);
    part(c, v, below + 1, below_end - 1);
    space(c);
    return below_end;
}

static size_t escape(Context *c, View v, size_t i) {
    if (CODE(v.at[i]) != '\\' || i + 1 >= v.count) return 0;
    uint32_t next = code_at(v, i + 1);
    if (!(v.at[i + 1] & IS_SPACE) && !(next && next < 128 && strchr("\\,;:!()[]", (int)next))) return 0;
    space(c);
    return i + 2;
}

/* \dfrac, \tfrac and \cfrac are \frac in another size. */
static bool styled_fraction(View v, size_t i, size_t length) {
    uint32_t first = code_at(v, i + 1);
    return length == 5 && (first == 'd' || first == 't' || first == 'c') && spells(v, i + 2, "frac");
}

/* What is neither digit nor `_`, and a word character. */
static bool letter(View v, size_t i) {
    return i < v.count && (v.at[i] & IS_WORD) && !(v.at[i] & IS_DIGIT) && CODE(v.at[i]) != '_';
}

/* `\-` and `{}` between letters. */
static size_t nothing(Context *c, View v, size_t i) {
    (void)c;
    uint32_t next = code_at(v, i + 1);
    bool is_it = CODE(v.at[i]) == '{' ? next == '}' : next == '-';
    return is_it && i && letter(v, i - 1) && letter(v, i + 2) ? i + 2 : 0;
}

static size_t command(Context *c, View v, size_t i) {
    size_t end = past_letters(v, i + 1), length = end - i - 1;
    if (!length) return 0;
    space(c);
    for (int k = 0; k < c->commands; k++) {
        if (c->name_lengths[k] != length) continue;
        size_t same = 0;
        while (same < length && code_at(v, i + 1 + same) == (uint32_t)c->names[k][same]) same++;
        if (same < length) continue;
        if (!c->values[k]) return end;
        put(c, c->values[k]);
        space(c);
        return end;
    }
    size_t from = styled_fraction(v, i, length) ? i + 2 : i + 1;
    put_all(c, v.at + from, end - from);
    space(c);
    return end;
}

static size_t group(Context *c, View v, size_t i) {
    size_t atom = past_spaces(v, i + 1), end = past_atom(v, atom), close = past_spaces(v, end);
    if (end == atom || code_at(v, close) != '}') return 0;
    space(c);
    put_all(c, v.at + atom, end - (atom));
    space(c);
    return close + 1;
}

enum { ENVIRONMENTS = 1, TYPESETTING = 2, FRACTIONS = 4, DEGREES = 8 };

/* Which passes have something to look at. None of them makes a command that was not there: each begins what it
   puts with a blank. */
static unsigned found_in(View v) {
    unsigned found = 0;
    for (size_t i = 0; (i = next_of(v.at, i, v.count, '\\', '^')) < v.count; i++) {
        uint32_t next = code_at(v, i + 1);
        if (CODE(v.at[i]) == '^') found |= DEGREES;
        if (next == 'b' || next == 'e') found |= ENVIRONMENTS;
        if (next == 't' || next == 'm' || next == 'e' || next == 'o') found |= TYPESETTING;
        if (past_frac(v, i)) found |= FRACTIONS;
    }
    return found;
}

void undress(Context *c) {
    unsigned found = found_in((View){c->line.at, c->line.count});
    if (found & ENVIRONMENTS) substitute(c, "\\", environment);
    if (found & DEGREES) substitute(c, "^", degree);
    if (found & TYPESETTING) substitute(c, "\\", typeset);
    if (found & FRACTIONS) {
        substitute(c, "\\", short_fraction);
        /* Fractions in fractions, from the inside out. */
        for (int depth = 0; depth < 4 && substitute(c, "\\", fraction); depth++) continue;
    }
    substitute(c, "\\", escape);
    substitute(c, "\\", command);
    substitute(c, "\\", nothing);
}

void ungroup(Context *c) {
    substitute(c, "{", nothing);
    substitute(c, "{", group);
}
