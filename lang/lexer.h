/* SPDX-License-Identifier: MIT */
/*
 * Program text into tokens. The text stays the caller's and must outlive the lexer. Any bytes will do: what is no token is T_JUNK.
 *
 * Faults inside a token ("Missing quote" and kin) go to `complain`, with the line counted so far; the token that follows is what keeps the parser on
 * the way of the classic servers: a string cut off is still a string (and its line end is not counted), a malformed number ends the program.
 */
#ifndef LANG_LEXER_H
#define LANG_LEXER_H

#include "base/buf.h"
#include "base/value.h"

/* Tokens of one character are that character's code. */
enum token_kind {
    T_EOF = 0,
    T_JUNK = 256,
    T_INT, /* INT to ERR: `lit` is the value */
    T_FLOAT,
    T_OBJ,
    T_STR,
    T_ERR,
    T_ID,
    T_EQ,
    T_NE,
    T_LE,
    T_GE,
    T_AND,
    T_OR,
    T_TO, /* .. */
    T_ARROW, /* => */
    T_PAIR, /* -> */
#define KEYWORD(token, word, since) T_##token,
#include "lang/keywords.def"
#undef KEYWORD
};

struct token {
    int kind;
    value lit; /* owned by who takes the token */
    const char *text; /* ID: in the program text */
    size_t len;
};

struct lexer {
    const char *p, *end;
    int line; /* of what was read last, counted from 1 */
    int version;
    struct buf scratch;
    bool ended; /* after a malformed number */
    bool renaming; /* a word that is a keyword only in later versions was met */
    void (*complain)(void *ctx, bool warning, const char *format, ...) __attribute__((format(printf, 3, 4)));
    void *ctx;
};

void lexer_init(struct lexer *x, const char *text, size_t len, int version);
void lexer_fini(struct lexer *x);
void lexer_next(struct lexer *x, struct token *out);

/* Is it a word that some language version up to `version` reserves? */
bool lexer_is_keyword(const char *word, size_t len, int version);
/* Can it stand bare after `.' in what is typed today: an identifier and no keyword of any version? */
bool lexer_is_name(const char *word, size_t len);

#endif
