// SPDX-License-Identifier: MIT
//
// What AsmJit's archive asks of its surroundings, so that libslicepatch needs no C++ runtime: a C program can link it,
// and no program pays for loading a shared libstdc++ at its start. Hidden, and used by the code of libslicepatch alone.
//
// AsmJit neither throws nor uses RTTI; its objects only refer to both.
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#define HIDDEN __attribute__((visibility("hidden"), used))
#define HIDDEN_DATA __attribute__((visibility("hidden")))

extern "C" {

// Debian's archive is not position-independent in one place, a direct reference to stderr, which a shared object cannot
// have, nor one that takes in the static library. --wrap=stderr turns it into one to this variable.
extern std::FILE *__real_stderr;
extern std::FILE *__wrap_stderr;
HIDDEN std::FILE *__wrap_stderr = __real_stderr;

// The forms of -D_FORTIFY_SOURCE, which Debian's archive was compiled with and other C libraries than glibc do not
// have.
HIDDEN int slicepatch_vsnprintf(char *text, std::size_t size, int flag, std::size_t room, const char *format,
                                std::va_list arguments) __asm__("__vsnprintf_chk");
int slicepatch_vsnprintf(char *text, std::size_t size, int, std::size_t room, const char *format,
                         std::va_list arguments)
{
    if (room < size)
        std::abort();
    return std::vsnprintf(text, size, format, arguments);
}

HIDDEN int slicepatch_snprintf(char *text, std::size_t size, int flag, std::size_t room, const char *format,
                               ...) __asm__("__snprintf_chk");
int slicepatch_snprintf(char *text, std::size_t size, int flag, std::size_t room, const char *format, ...)
{
    std::va_list arguments;
    va_start(arguments, format);
    const int length = slicepatch_vsnprintf(text, size, flag, room, format, arguments);
    va_end(arguments);
    return length;
}

HIDDEN void slicepatch_sized_delete(void *memory, std::size_t) __asm__("_ZdlPvm");
void slicepatch_sized_delete(void *memory, std::size_t)
{
    std::free(memory); // AsmJit's own classes allocate with malloc
}

// No frame of AsmJit catches: an unwinder, for example of a thread that is being cancelled, passes through.
HIDDEN int slicepatch_personality(...) __asm__("__gxx_personality_v0");
int slicepatch_personality(...)
{
    constexpr int continue_unwind = 8; // _URC_CONTINUE_UNWIND, Itanium C++ ABI, 1.1
    return continue_unwind;
}

// Only a landing pad would call it, and the personality above enters none.
HIDDEN void slicepatch_unwind_resume(void *) __asm__("_Unwind_Resume");
void slicepatch_unwind_resume(void *)
{
    std::abort();
}

HIDDEN void slicepatch_pure_virtual() __asm__("__cxa_pure_virtual");
void slicepatch_pure_virtual()
{
    std::abort();
}

// The virtual tables of the runtime's type_info classes. Type descriptions point to them; nobody follows.
extern HIDDEN_DATA void *const slicepatch_class_type[4] __asm__("_ZTVN10__cxxabiv117__class_type_infoE");
extern HIDDEN_DATA void *const slicepatch_si_class_type[4] __asm__("_ZTVN10__cxxabiv120__si_class_type_infoE");
extern HIDDEN_DATA void *const slicepatch_vmi_class_type[4] __asm__("_ZTVN10__cxxabiv121__vmi_class_type_infoE");
void *const slicepatch_class_type[4] = {};
void *const slicepatch_si_class_type[4] = {};
void *const slicepatch_vmi_class_type[4] = {};

} // extern "C"
