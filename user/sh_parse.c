/*
 * From a line to pipelines of commands of words. The words are copied to a
 * buffer of the pipeline, without quotes and with `$?` and `$!` replaced.
 */
#include "sh.h"

static bool is_end_of_word(char c)
{
    return c == 0 || isspace(c) || c == '|' || c == ';' || c == '&';
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
        p->at++;
    if (*p->at == '#')
        while (*p->at && *p->at != '\n')
            p->at++;
}

static void put(struct parser *p, char c)
{
    if (p->to < p->end)
        *p->to++ = c;
    else
        p->error = "too long";
}

/* `$?` and `$!`; any other dollar stands for itself. */
static void expand(struct parser *p)
{
    char digits[16];
    char what = p->at[1];

    p->at++;
    if (what != '?' && what != '!') {
        put(p, '$');
        return;
    }
    p->at++;
    snprintf(digits, sizeof(digits), "%d",
             what == '?' ? last_status : last_background);
    for (char *d = digits; *d; d++)
        put(p, *d);
}

/* What is between two quotes; p->at is at the first. */
static void parse_quoted(struct parser *p)
{
    char quote = *p->at++;

    while (*p->at && *p->at != quote) {
        if (quote == '"' && *p->at == '$') {
            expand(p);
            continue;
        }
        if (quote == '"' && *p->at == '\\' && p->at[1] &&
            strchr("\"\\$", p->at[1]))
            p->at++;
        put(p, *p->at++);
    }
    if (*p->at == quote)
        p->at++;
    else
        p->error = "quote without an end";
}

static char *parse_word(struct parser *p)
{
    char *word = p->to;

    while (!is_end_of_word(*p->at) && !p->error) {
        if (*p->at == '\'' || *p->at == '"') {
            parse_quoted(p);
        } else if (*p->at == '$') {
            expand(p);
        } else if (*p->at == '<' || *p->at == '>') {
            p->error = "there are no files to read from or write to";
        } else {
            if (*p->at == '\\' && p->at[1])
                p->at++;
            put(p, *p->at++);
        }
    }
    put(p, 0);
    return word;
}

/* The words of one command, with a null behind them; false if there are none.*/
static bool parse_command(struct parser *p, struct pipeline *line,
                          int *word_count)
{
    int first = *word_count;

    for (;;) {
        skip_blanks(p);
        if (p->error || is_end_of_word(*p->at))
            break;
        if (*word_count >= WORDS_MAX) {
            p->error = "too many words";
            break;
        }
        line->words[(*word_count)++] = parse_word(p);
    }
    if (p->error || *word_count == first)
        return false;
    line->commands[line->count++] = line->words + first;
    line->words[(*word_count)++] = 0;
    return true;
}

void parse_pipeline(struct parser *p, struct pipeline *line)
{
    int word_count = 0;

    line->count = 0;
    line->background = false;
    p->to = line->text;
    p->end = line->text + sizeof(line->text);
    skip_blanks(p);
    line->source = p->at;
    while (parse_command(p, line, &word_count) && *p->at == '|') {
        p->at++;
        if (line->count == COMMANDS_MAX)
            p->error = "too many commands";
        skip_blanks(p);
        if (is_end_of_word(*p->at))
            p->error = "a command is missing";
    }
    line->source_len = (size_t)(p->at - line->source);
    if ((*p->at == '|' || *p->at == '&') && line->count == 0)
        p->error = "a command is missing";
    if (*p->at == '&' && p->at[1] == '&')
        p->error = "there is no &&";
    line->background = *p->at == '&';
    if (*p->at)
        p->at++;
}
