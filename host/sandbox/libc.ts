const LIBRARIES: Partial<Record<typeof Deno.build.os, string>> = { linux: "libc.so.6", darwin: "libSystem.B.dylib" };

/** The C library of this system, by the name that it is opened by; undefined where it is not known. */
export const LIBC: string | undefined = LIBRARIES[Deno.build.os];
