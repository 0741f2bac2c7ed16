# Cross-build for arm64 with Debian's compiler.  SHMETER_SYSROOT is a folder with the arm64 libraries, unpacked
# from their packages (tests/guests/fetch makes one); the C library is the compiler's own.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(SHMETER_SYSROOT "$ENV{SHMETER_SYSROOT}" CACHE PATH "folder with the arm64 libraries")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SHMETER_SYSROOT)
set(libraries ${SHMETER_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${SHMETER_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${SHMETER_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${libraries}/pkgconfig:${SHMETER_SYSROOT}/usr/share/pkgconfig)

# Before the headers of this machine.  The linker has to find what the libraries themselves need.
set(CMAKE_C_FLAGS_INIT
  "-isystem ${SHMETER_SYSROOT}/usr/include/aarch64-linux-gnu -isystem ${SHMETER_SYSROOT}/usr/include")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${libraries} -Wl,-rpath-link,${libraries}")
