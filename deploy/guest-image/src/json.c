/* json KEY < FILE: the value of KEY in the outermost JSON object. A string is printed without its quotes and escapes;
   of an object or list, every string value on a line of its own; anything else prints nothing.
   Metadata holds words that users chose, also as keys, so looking for a key with sed would find the wrong one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *at;

static void blank(void)
{
    at += strspn(at, " \t\r\n");
}

static void utf8(unsigned code, char **to)
{
    if (code < 0x80) {
        *(*to)++ = code;
    } else if (code < 0x800) {
        *(*to)++ = 0xc0 | code >> 6;
        *(*to)++ = 0x80 | (code & 0x3f);
    } else {
        *(*to)++ = 0xe0 | code >> 12;
        *(*to)++ = 0x80 | (code >> 6 & 0x3f);
        *(*to)++ = 0x80 | (code & 0x3f);
    }
}

/* Decodes the string at `at` in place (it can only shrink) and steps behind it. */
static char *string(void)
{
    static const char from[] = "nrtbf", into[] = "\n\r\t\b\f";
    char *start = ++at, *to = start;
    unsigned code;

    while (*at && *at != '"') {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        if (*at == 'u' && sscanf(at + 1, "%4x", &code) == 1 && strlen(at) > 4) {
            utf8(code, &to);
            at += 5;
        } else if (*at) {
            const char *known = strchr(from, *at);
            *to++ = known ? into[known - from] : *at;
            at++;
        }
    }
    if (*at)
        at++;
    *to = 0;
    return start;
}

static void print(const char *text)
{
    size_t length = strlen(text);

    fputs(text, stdout);
    if (!length || text[length - 1] != '\n')
        putchar('\n');
}

/* Steps over one value, printing its strings when `show` is set. Deeper than 64 is not metadata. */
static void value(int show, int depth)
{
    char close;

    blank();
    if (depth > 64)
        exit(1);
    if (*at == '"') {
        char *text = string();
        if (show)
            print(text);
    } else if (*at == '{' || *at == '[') {
        close = *at == '{' ? '}' : ']';
        for (at++, blank(); *at && *at != close; blank()) {
            if (close == '}') {
                if (*at != '"')
                    exit(1);
                string();
                at += strcspn(at, ":");
                if (*at)
                    at++;
            }
            value(show, depth + 1);
            blank();
            if (*at == ',')
                at++;
        }
        if (*at)
            at++;
    } else {
        size_t plain = strcspn(at, ",]} \t\r\n");
        if (!plain)
            exit(1);
        at += plain;
    }
}

int main(int argc, char **argv)
{
    static char text[1 << 20];
    size_t length = fread(text, 1, sizeof text - 1, stdin);

    text[length] = 0;
    at = text;
    blank();
    if (argc != 2 || *at != '{')
        return 1;
    for (at++, blank(); *at == '"'; blank()) {
        int wanted = !strcmp(string(), argv[1]);
        at += strcspn(at, ":");
        if (*at)
            at++;
        value(wanted, 0);
        if (wanted)
            return 0;
        blank();
        if (*at == ',')
            at++;
    }
    return 1;
}
