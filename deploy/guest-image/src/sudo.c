/* A sudo for a test image where everybody may everything: sudo [-u USER] [-p PROMPT] [-X...] [COMMAND...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++)
        if (!strcmp(argv[i], "-u") || !strcmp(argv[i], "-p"))
            i++;
    if (setgid(0) || setuid(0)) {
        perror("sudo");
        return 1;
    }
    setenv("PATH", "/sbin:/usr/sbin:/bin:/usr/bin", 1);
    if (i >= argc) {
        execl("/bin/sh", "sh", (char *)NULL);
    } else {
        execvp(argv[i], argv + i);
    }
    perror("sudo");
    return 127;
}
