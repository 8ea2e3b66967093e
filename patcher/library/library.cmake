# SPDX-License-Identifier: MIT
#
# libslicepatch.so, libslicepatch.a, and what an outside project needs to use them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# AsmJit is inside both libraries, and what it needs of a C++ runtime too (asmjit_runtime.cpp).
add_library(slicepatch_runtime OBJECT asmjit_runtime.cpp)
target_compile_options(slicepatch_runtime PRIVATE -fno-lto)

# ---- libslicepatch.so: the decoder stays outside, and is loaded if it is asked for ----
add_library(slicepatch SHARED $<TARGET_OBJECTS:slicepatch_core> $<TARGET_OBJECTS:slicepatch_area>
    $<TARGET_OBJECTS:slicepatch_runtime> counters.cpp)
add_library(slicepatch::slicepatch ALIAS slicepatch)
# Linked as C, which leaves libstdc++ out; the sanitizers' runtimes need it.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    set_target_properties(slicepatch PROPERTIES LINKER_LANGUAGE CXX)
else()
    set_target_properties(slicepatch PROPERTIES LINKER_LANGUAGE C)
    target_link_options(slicepatch PRIVATE -Wl,-z,defs) # a sanitizer's symbols are the program's
endif()
set_target_properties(slicepatch PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_include_directories(slicepatch PRIVATE ${PROJECT_SOURCE_DIR}/include INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# The references to the decoder are weak: nothing is needed but libc.
target_link_libraries(slicepatch PRIVATE ${ASMJIT_ARCHIVE} ${CMAKE_DL_LIBS})
target_link_options(slicepatch PRIVATE
    -Wl,--as-needed
    -Wl,--wrap=stderr # asmjit_runtime.cpp
    -Wl,--exclude-libs,ALL
    -Wl,-z,relro -Wl,-z,now
    -Wl,-z,nodelete # the kernel may know areas of ours (guarantee/area.h), and threads run through our pthread_create
    LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/package/slicepatch.map)
set_property(TARGET slicepatch APPEND PROPERTY LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/package/slicepatch.map)

# ---- libslicepatch.a: one object, partially linked with what it uses; all symbols but the public ones become local.
# And beside it what executables alone have: one that calls slicepatch_init() in position-independent code asks for it
# here.
set(merged ${CMAKE_CURRENT_BINARY_DIR}/slicepatch_merged.o)
find_program(BFD_LINKER NAMES ${CMAKE_LIBRARY_ARCHITECTURE}-ld.bfd ld.bfd REQUIRED)
add_custom_command(
    OUTPUT ${merged}
    COMMAND ${BFD_LINKER} -r --force-group-allocation --wrap=stderr -o ${merged}.all
            $<TARGET_OBJECTS:slicepatch_core> $<TARGET_OBJECTS:slicepatch_runtime> ${ASMJIT_ARCHIVE}
    # What is unique in the process (STB_GNU_UNIQUE) cannot become local; what is weak can.
    COMMAND ${CMAKE_OBJCOPY} --wildcard --weaken-symbol=_ZZN6asmjit* ${merged}.all
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${CMAKE_CURRENT_SOURCE_DIR}/package/public_symbols.txt
            ${merged}.all ${merged}
    DEPENDS slicepatch_core $<TARGET_OBJECTS:slicepatch_core> slicepatch_runtime $<TARGET_OBJECTS:slicepatch_runtime>
            package/public_symbols.txt
    COMMAND_EXPAND_LISTS VERBATIM)
add_library(slicepatch_static STATIC ${merged} $<TARGET_OBJECTS:slicepatch_area>)
target_link_options(slicepatch_static INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:LINKER:-u,slicepatch_init_from_executable>)
add_library(slicepatch::slicepatch_static ALIAS slicepatch_static)
set_target_properties(slicepatch_static PROPERTIES OUTPUT_NAME slicepatch LINKER_LANGUAGE C)
target_include_directories(slicepatch_static INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# ---- installation ----
# For a distribution that wants its programs without sites, whatever their sources say: all that is built with what this
# exports or with its pkg-config file has marks that are nothing, and functions that say so.
option(SLICEPATCH_DISABLE "Programs that use the installed package have no sites" OFF)
if(SLICEPATCH_DISABLE)
    set(pc_disable " -DSLICEPATCH_DISABLE")
    foreach(target slicepatch slicepatch_static)
        target_compile_definitions(${target} INTERFACE $<INSTALL_INTERFACE:SLICEPATCH_DISABLE>)
    endforeach()
endif()
install(TARGETS slicepatch slicepatch_static EXPORT slicepatch-targets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/slicepatch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT slicepatch-targets NAMESPACE slicepatch:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/slicepatch)
configure_package_config_file(package/slicepatch-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/slicepatch-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/slicepatch)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/slicepatch-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/slicepatch-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/slicepatch-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/slicepatch)
# The file finds its own prefix, so that the installed tree can be moved.
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH pc_libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH pc_includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(package/slicepatch.pc.in ${CMAKE_CURRENT_BINARY_DIR}/slicepatch.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/slicepatch.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
