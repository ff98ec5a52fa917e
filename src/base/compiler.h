// The compiler attributes that GCC and Clang share, under short names.
#ifndef SOK_BASE_COMPILER_H
#define SOK_BASE_COMPILER_H

#define SOK_MUST_CHECK __attribute__((warn_unused_result))
#define SOK_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define SOK_NORETURN __attribute__((noreturn))
#define SOK_UNUSED __attribute__((unused))
#define SOK_CLEANUP(function) __attribute__((cleanup(function)))
#define SOK_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

// 1 in a build with ASan or TSan, which map terabytes, start threads and open /proc.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SOK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SOK_SANITIZED 1
#endif
#endif
#ifndef SOK_SANITIZED
#define SOK_SANITIZED 0
#endif

// Defines `name`, a cleanup handler for a variable of `type *` that calls `free_function` on what it points
// to.
#define SOK_DEFINE_CLEANUP(type, name, free_function) \
    static inline void name(type **held)              \
    {                                                 \
        if (*held)                                    \
            free_function(*held);                     \
    }

#endif
