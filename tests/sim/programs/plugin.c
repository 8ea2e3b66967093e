/* SPDX-License-Identifier: MIT */
/* Something to load and to unload. */
__attribute__((visibility("default"))) int plugin_answer(void);
int plugin_answer(void)
{
    return 42;
}
