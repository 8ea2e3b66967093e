/* SPDX-License-Identifier: MIT */
/* Objects that come and go. */
#include "subject.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *opened;
static unsigned long plugin_runs;

static void open_object(const char *path)
{
    opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
        broken(dlerror());
}

/* There is something else at the path of an object now, or nothing. */
static void replace_by_fifo(const char *path)
{
    if (unlink(path) || mkfifo(path, 0600))
        broken("mkfifo");
}

static void remove_file(const char *path)
{
    if (unlink(path))
        broken("unlink");
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rbe"), *out = fopen(to, "wbe");
    static char bytes[1 << 16];
    size_t size;
    if (!in || !out)
        broken(to);
    while ((size = fread(bytes, 1, sizeof bytes, in)) > 0)
        if (fwrite(bytes, 1, size, out) != size)
            broken(to);
    if (fclose(in) || fclose(out))
        broken(to);
}

/* copy=FROM:TO */
static void copy_by_paths(const char *paths)
{
    const char *const to = strchr(paths, ':');
    char from[4096];
    if (!to || (size_t)(to - paths) >= sizeof from)
        broken(paths);
    memcpy(from, paths, (size_t)(to - paths));
    from[to - paths] = 0;
    copy_file(from, to + 1);
}

static void change_folder(const char *path)
{
    if (chdir(path))
        broken("chdir");
}

/* In front of everything that the program has, in its own eyes. */
static void open_object_deeply(const char *path)
{
#ifdef RTLD_DEEPBIND
    opened = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!opened)
        broken(dlerror());
#else
    unsupported("this C library has no RTLD_DEEPBIND");
    (void)path;
#endif
}

/* With a libc and all else of its own. */
static void open_object_apart(const char *path)
{
#ifdef LM_ID_NEWLM
    opened = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    if (!opened)
        broken(dlerror());
#else
    unsupported("this C library has no dlmopen");
    (void)path;
#endif
}

static void close_object(const char *argument)
{
    (void)argument;
    if (!opened || dlclose(opened))
        broken("dlclose");
    opened = NULL;
    plugin_runs = 0;
}

static void *symbol(const char *name)
{
    void *found = opened ? dlsym(opened, name) : NULL;
    if (!found)
        broken(name);
    return found;
}

static void run_plugin(const char *times)
{
    unsigned long (*run)(unsigned long);
    *(void **)&run = symbol("plugin_run");
    const unsigned long wanted = *times ? strtoul(times, NULL, 10) : 1000;
    plugin_runs += wanted;
    printf("plugin=%s\n", run(wanted) == plugin_runs ? "counted" : "lost");
}

/* The plug-in's own copy of the library. */
static int init_by_plugin(struct slicepatch_report *report)
{
    int (*init)(struct slicepatch_report *);
    *(void **)&init = symbol("plugin_init");
    return init(report);
}

static void print_plugin_init(const char *argument)
{
    (void)argument;
    struct slicepatch_report report = {.size = sizeof report};
    printf("plugin_answer=%d\n", init_by_plugin(&report));
    printf("plugin_sites=%u\nplugin_off=%u\nplugin_enabled=%u\nplugin_foreign=%u\nplugin_guarantee=%d\n", report.sites,
           report.off, report.enabled, report.foreign, (int)report.guarantee);
    printf("plugin_missed=%s\n", report.threads_missed == SLICEPATCH_THREADS_UNKNOWN ? "unknown" : "known");
    printf("plugin_threads=%u\nplugin_reason=%s\nplugin_failure=%s\n", report.threads_enabled, report.reason,
           report.failure);
}

static void start_plugin_thread(const char *argument)
{
    (void)argument;
    int (*start)(void);
    *(void **)&start = symbol("plugin_start_thread");
    printf("plugin_thread=%s\n", start() ? "ran" : "failed");
}

/* Both copies at the same moment. */
static atomic_int ready;

static void *init_own(void *answer)
{
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) != 2)
        ;
    *(int *)answer = slicepatch_init(NULL, NULL);
    return NULL;
}

static void init_both(const char *argument)
{
    (void)argument;
    pthread_t thread;
    int own = 1;
    struct slicepatch_report report = {.size = sizeof report};
    if (pthread_create(&thread, NULL, init_own, &own))
        broken("pthread_create");
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) != 2)
        ;
    const int plugin = init_by_plugin(&report);
    pthread_join(thread, NULL);
    printf("both=%d %d\n", own, plugin);
}

/* Whether the nesting depth is one for all objects: a pair of the plug-in's inside one of ours is not the outermost. */
static void nest_across(const char *argument)
{
    (void)argument;
    void (*outermost)(int);
    *(void **)&outermost = symbol("plugin_outermost");
    SLICEPATCH_ENTER_OUTERMOST_AS("across");
    const unsigned one = slicepatch_depth_;
    outermost(1);
    const unsigned two = slicepatch_depth_;
    outermost(0);
    SLICEPATCH_EXIT_OUTERMOST_AS("across");
    printf("depths=%u %u %u\n", one, two, slicepatch_depth_);
}

/* Whether that many copies of an object can be open at once: each is a file, of a name of its own. */
static void open_copies(const char *path)
{
    enum { wanted = 24 };
    char folder[] = "/tmp/slicepatch-copies-XXXXXX", copy[sizeof folder + 16];
    int count = 0, opens = mkdtemp(folder) != NULL;
    if (!opens)
        broken("mkdtemp");
    for (; opens && count < wanted; ++count) {
        snprintf(copy, sizeof copy, "%s/%d.so", folder, count);
        copy_file(path, copy);
        opens = dlopen(copy, RTLD_NOW | RTLD_LOCAL) != NULL;
        unlink(copy);
    }
    if (!opens)
        printf("dlerror=%s\n", dlerror());
    rmdir(folder);
    printf("copies=%s\n", opens ? "all" : "some");
}

static atomic_int opened_all;

static void *init_meanwhile(void *unused)
{
    while (!atomic_load(&opened_all))
        (void)slicepatch_init(NULL, NULL);
    return unused;
}

/* Opens and closes an object many times while another thread is inside init nearly all the time. */
static void open_during_init(const char *path)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, init_meanwhile, NULL))
        broken("pthread_create");
    for (int i = 0; i < 200; ++i) {
        open_object(path);
        close_object("");
    }
    atomic_store(&opened_all, 1);
    pthread_join(thread, NULL);
    printf("opened=all\n");
}

static void *do_nothing(void *unused)
{
    return unused;
}

/* Whether dlerror() still tells about a failure after a thread was started and init called. */
static void keep_dlerror(const char *argument)
{
    (void)argument;
    pthread_t thread;
    if (dlopen("/nonexistent.so", RTLD_NOW) || pthread_create(&thread, NULL, do_nothing, NULL))
        broken("dlerror");
    pthread_join(thread, NULL);
    (void)slicepatch_init(NULL, NULL);
    printf("dlerror=%s\n", dlerror() ? "kept" : "lost");
}

const struct verb object_verbs[] = {
    {"open-during-init", open_during_init},
    {"dlerror", keep_dlerror},
    {"open", open_object},
    {"fifo", replace_by_fifo},
    {"remove", remove_file},
    {"copy", copy_by_paths},
    {"folder", change_folder},
    {"copies", open_copies},
    {"open-deeply", open_object_deeply},
    {"open-apart", open_object_apart},
    {"close", close_object},
    {"plugin-run", run_plugin},
    {"plugin-init", print_plugin_init},
    {"plugin-thread", start_plugin_thread},
    {"both", init_both},
    {"across", nest_across},
    {NULL, NULL},
};
