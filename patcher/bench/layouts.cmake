# SPDX-License-Identifier: MIT
#
# Makes the layouts of the bench's variants out of their objects: cmake -DOBJCOPY=... -DLAYOUTS=... -DFOLDER=...
# -DOBJECTS=a.o,b.o -P layouts.cmake writes FOLDER/NAME.LAYOUT.o.
#
# The code is the same in all of them, byte for byte. Where a linker sorts the sections named .text.sorted (binutils
# from 2.36 on), each layout has the variants in another order, and the functions of each variant in an order of its own.
# The first layout has its loops on cache lines, as they were compiled; the others have them, and all functions, on
# multiples of 16, 32 or 64 bytes.
set(names floor compiled off enabled flag thread pointer ifunc)
set(loops run_empty run_spinlock run_mutex run_twenty run_sites run_sample)
set(alignments 0 16 32 64) # 0: as compiled
string(REPLACE "," ";" OBJECTS "${OBJECTS}")
string(RANDOM LENGTH 1 RANDOM_SEED 20260107 unused) # the same layouts in every build
math(EXPR last "${LAYOUTS} - 1")
foreach(layout RANGE ${last})
    math(EXPR which "${layout} % 4")
    list(GET alignments ${which} alignment)
    foreach(object ${OBJECTS})
        get_filename_component(name ${object} NAME_WE)
        list(FIND names ${name} found)
        if(found EQUAL -1)
            message(FATAL_ERROR "${object}: not a variant")
        endif()
        string(RANDOM LENGTH 6 ALPHABET 0123456789 place)
        set(options "--redefine-sym bench_${name}=bench_${name}_${layout}\n")
        foreach(symbol enter exit) # of the ifuncs
            string(APPEND options "--redefine-sym bench_ifunc_${symbol}=bench_ifunc_${symbol}_${layout}\n")
        endforeach()
        set(functions ${loops})
        foreach(number RANGE 1000 1999)
            list(APPEND functions site_${number})
        endforeach()
        foreach(function ${functions})
            string(RANDOM LENGTH 6 ALPHABET 0123456789 rank)
            string(APPEND options
                "--rename-section .text.${function}=.text.sorted.${layout}.${place}.${name}.${rank}\n")
            if(alignment)
                string(APPEND options "--set-section-alignment .text.${function}=${alignment}\n")
            endif()
        endforeach()
        set(file ${FOLDER}/${name}.${layout})
        file(WRITE ${file}.options "${options}")
        execute_process(COMMAND ${OBJCOPY} @${file}.options ${object} ${file}.o RESULT_VARIABLE status)
        if(NOT status EQUAL 0)
            message(FATAL_ERROR "${OBJCOPY}: ${object}: ${status}")
        endif()
    endforeach()
endforeach()
