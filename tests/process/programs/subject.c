/* SPDX-License-Identifier: MIT */
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void unsupported(const char *reason)
{
    printf("unsupported=%s\n", reason);
    fflush(stdout);
    _Exit(UNSUPPORTED);
}

void broken(const char *what)
{
    printf("broken=%s\n", what);
    fflush(stdout);
    _Exit(1);
}

void end_as(int child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        broken("waitpid");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static const struct verb *find_verb(const struct verb *verbs, const char *name, size_t length)
{
    for (; verbs->name; ++verbs)
        if (strlen(verbs->name) == length && !strncmp(verbs->name, name, length))
            return verbs;
    return NULL;
}

int main(int count, char **words)
{
    const struct verb *const tables[] = {section_verbs,   report_verbs, obstacle_verbs, thread_verbs,
                                         object_verbs,    state_verbs,  life_verbs,     counting_verbs,
                                         cancelled_verbs, guest_verbs,  text_verbs};
    for (int i = 1; i < count; ++i) {
        const size_t length = strcspn(words[i], "=");
        const struct verb *verb = NULL;
        for (size_t table = 0; table < sizeof tables / sizeof *tables && !verb; ++table)
            verb = find_verb(tables[table], words[i], length);
        if (!verb)
            broken(words[i]);
        verb->run(words[i] + length + (words[i][length] == '='));
        fflush(stdout);
    }
    return 0;
}
