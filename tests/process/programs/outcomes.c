/* SPDX-License-Identifier: MIT */
/*
 * What cold blocks count, as the program itself sees it: lines NAME=YIELDED/LOST/REACHED, where a name is a label and the
 * kind of a site.
 */
#include "filters.h"

#include <slicepatch/slicepatch.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int work;

static __attribute__((noinline)) void labelled(void)
{
    SLICEPATCH_ENTER_AS("labelled");
    ++work;
    SLICEPATCH_EXIT_AS("labelled");
}

/* Two ends of one beginning: compilers would make one of cold blocks that are alike. */
static __attribute__((noinline)) void ends_twice(int first)
{
    SLICEPATCH_ENTER_AS("begins");
    if (first) {
        SLICEPATCH_EXIT_AS("ends here");
        return;
    }
    SLICEPATCH_EXIT_AS("ends there");
}

/* With all the values live that there are registers for, of both kinds: whatever counts must change none. */
static __attribute__((noinline)) int keeps_registers(int seed)
{
    double a = seed, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6, h = a + 7;
    long i = seed, j = i + 1, k = i + 2, l = i + 3, m = i + 4, n = i + 5, o = i + 6, p = i + 7, q = i + 8, r = i + 9;
    for (int times = 0; times < 100; ++times) {
        SLICEPATCH_ENTER_AS("registers");
        a += 1, b += a, c -= b, d += c, e -= d, f += e, g -= f, h += g;
        i += 1, j ^= i, k += j, l ^= k, m += l, n ^= m, o += n, p ^= o, q += p, r ^= q;
        SLICEPATCH_EXIT_AS("registers");
    }
    double sa = seed, sb = sa + 1, sc = sa + 2, sd = sa + 3, se = sa + 4, sf = sa + 5, sg = sa + 6, sh = sa + 7;
    long si = seed, sj = si + 1, sk = si + 2, sl = si + 3, sm = si + 4, sn = si + 5, so = si + 6, sp = si + 7,
         sq = si + 8, sr = si + 9;
    for (int times = 0; times < 100; ++times) {
        sa += 1, sb += sa, sc -= sb, sd += sc, se -= sd, sf += se, sg -= sf, sh += sg;
        si += 1, sj ^= si, sk += sj, sl ^= sk, sm += sl, sn ^= sm, so += sn, sp ^= so, sq += sp, sr ^= sq;
    }
    return a == sa && b == sb && c == sc && d == sd && e == se && f == sf && g == sg && h == sh && i == si && j == sj &&
           k == sk && l == sl && m == sm && n == sn && o == so && p == sp && q == sq && r == sr;
}

static int print_site(const struct slicepatch_site_info *site, void *unused)
{
    (void)unused;
    if (site->kind != SLICEPATCH_SITE_BRANCH && site->label && !*site->object)
        printf("%s %s=%llu/%llu/%llu\n", site->label, site->kind == SLICEPATCH_SITE_ENTER ? "enter" : "exit",
               (unsigned long long)site->yielded, (unsigned long long)site->lost, (unsigned long long)site->reached);
    return 0;
}

static void *run_often(void *unused)
{
    for (int i = 0; i < 10000; ++i)
        labelled();
    return unused;
}

static void run_in_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i)
        if (pthread_create(&threads[i], NULL, run_often, NULL))
            abort();
    for (int i = 0; i < 4; ++i)
        pthread_join(threads[i], NULL);
}

static void run_in_child(void)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        labelled();
        labelled();
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        abort();
}

/* Counters are the only memory that is shared and has no name. */
static int shared_mappings(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        abort();
    while (fgets(line, sizeof line, maps))
        count += strstr(line, "rw-s") != NULL;
    fclose(maps);
    return count;
}

static void open_often(const char *path)
{
    for (int i = 0; i < 20; ++i) {
        void *object = dlopen(path, RTLD_NOW);
        if (!object || slicepatch_init(NULL, NULL))
            abort();
        if (i == 0)
            printf("opened=%d\n", shared_mappings());
        dlclose(object);
    }
    if (slicepatch_init(NULL, NULL))
        abort();
    printf("closed=%d\n", shared_mappings());
}

int main(int count, char **arguments)
{
    struct slicepatch_options options = {.size = sizeof options};
    for (int i = 1; i < count; ++i) {
        const char *verb = arguments[i];
        if (!strcmp(verb, "init") || !strcmp(verb, "init-counting")) {
            struct slicepatch_report report = {.size = sizeof report};
            options.flags = strcmp(verb, "init") ? SLICEPATCH_OPTION_COUNT : 0;
            if (slicepatch_init(&options, &report))
                return 1;
            printf("failure=%s\n", report.failure);
        } else if (!strcmp(verb, "no-shared-memory")) {
            const uint32_t counters = MAP_SHARED | MAP_ANONYMOUS;
            if (answer_with(SYS_mmap, 3, counters, counters, ENOMEM))
                return 77;
        } else if (!strcmp(verb, "run")) {
            labelled();
        } else if (!strcmp(verb, "here")) {
            ends_twice(1);
        } else if (!strcmp(verb, "there")) {
            ends_twice(0);
        } else if (!strcmp(verb, "registers")) {
            printf("kept=%s\n", keeps_registers(i) ? "yes" : "no");
        } else if (!strcmp(verb, "threads")) {
            run_in_threads();
        } else if (!strcmp(verb, "child")) {
            run_in_child();
        } else if (!strncmp(verb, "open=", 5)) {
            open_often(verb + 5);
        } else {
            return 2;
        }
    }
    return slicepatch_for_each_site(print_site, NULL) ? 1 : 0;
}
