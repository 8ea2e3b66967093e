/* SPDX-License-Identifier: MIT */
/* What is linked to it is what is measured. */
int main(void)
{
    return 0;
}
