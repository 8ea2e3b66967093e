// SPDX-License-Identifier: MIT
//
// A program that marks nothing.
int main(void)
{
    return 0;
}
