/* What a worker holds between calls: the table of characters, which Python fills, and the buffers. */

#include "kernel.h"

EXPORT void synth_close(Context *c) {
    if (!c) return;
    for (int i = 0; i < PAGES; i++) free(c->pages[i]);
    free(c->pool);
    free(c->name_bytes);
    free(c->line.at);
    free(c->spare.at);
    free(c->tokens);
    free(c->entries);
    free(c->letters);
    free(c->hashes);
    free(c->scratch);
    for (int i = 0; i < 3; i++) free(c->found[i].at);
    free(c->worded);
    free(c);
}

/* `names`: commands of LaTeX, each ended by a zero byte; `said`: the characters of the enum in kernel.h. */
EXPORT Context *synth_open(const char *names, const Char *values, int commands, const Char *said, int64_t vocabulary) {
    Context *c = calloc(1, sizeof(Context));
    if (!c || commands > 256) {
        free(c);
        return NULL;
    }
    size_t size = 0;
    for (int i = 0; i < commands; i++) size += strlen(names + size) + 1;
    c->name_bytes = malloc(size + 1);
    if (!c->name_bytes) {
        synth_close(c);
        return NULL;
    }
    memcpy(c->name_bytes, names, size);
    size = 0;
    for (int i = 0; i < commands; i++) {
        c->names[i] = c->name_bytes + size;
        c->name_lengths[i] = (uint32_t)strlen(c->names[i]);
        c->values[i] = values[i];
        size += c->name_lengths[i] + 1;
    }
    memcpy(c->said, said, 6 * sizeof(Char));
    c->commands = commands;
    c->most_entries = (size_t)vocabulary;
    return c;
}

/* Tells what a character folds to: `kind` of kernel.h, a superscript or not, and the folded characters. */
EXPORT int synth_learn(Context *c, uint32_t code, uint32_t kind, int superscript, const Char *folded, int count) {
    if (code > 0x10FFFF) return -1;
    uint32_t **page = &c->pages[code >> 8];
    if (!*page) *page = calloc(256, sizeof(uint32_t));
    if (!*page) return -1;
    uint32_t value = count == 1 ? folded[0] : 0;
    if (kind == MANY) {
        Char *pool = realloc(c->pool, (c->pool_count + (size_t)count + 1) * sizeof(Char));
        if (!pool) return -1;
        c->pool = pool;
        value = (uint32_t)c->pool_count;
        pool[c->pool_count++] = (Char)count;
        for (int i = 0; i < count; i++) pool[c->pool_count++] = folded[i];
    }
    (*page)[code & 255] = kind << 28 | value | (superscript ? SUPERSCRIPT : 0);
    return 0;
}
