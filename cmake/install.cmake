# What is installed and packaged.  Included after the targets.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS shmeter)
# The man page and the completions come from the program's own option table; what is built for another
# architecture does not run here.
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
  foreach(text man bash zsh fish)
    list(APPEND printed COMMAND shmeter help ${text} > ${PROJECT_BINARY_DIR}/shmeter.${text})
  endforeach()
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/shmeter.man ${printed} DEPENDS shmeter VERBATIM)
  add_custom_target(shmeter_texts ALL DEPENDS ${PROJECT_BINARY_DIR}/shmeter.man)
  install(FILES ${PROJECT_BINARY_DIR}/shmeter.man RENAME shmeter.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${PROJECT_BINARY_DIR}/shmeter.bash RENAME shmeter
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  foreach(folder site-functions vendor-completions) # the second: where the zsh of Debian looks below /usr
    install(FILES ${PROJECT_BINARY_DIR}/shmeter.zsh RENAME _shmeter DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${folder})
  endforeach()
  install(FILES ${PROJECT_BINARY_DIR}/shmeter.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

# What the program looks for at run time, relative to itself.
install(FILES results/thresholds.ini DESTINATION ${CMAKE_INSTALL_DATADIR}/shmeter)
install(DIRECTORY plots DESTINATION ${CMAKE_INSTALL_DATADIR}/shmeter)

# What a plug-in is compiled with.
install(FILES ${SHMETER_PLUGIN_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/shmeter)
# Relative to the file itself, so that the prefix can be moved; an absolute folder stays where it is.
set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
if(NOT IS_ABSOLUTE "${pc_includedir}")
  file(RELATIVE_PATH pc_includedir ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  string(PREPEND pc_includedir "\${pcfiledir}/")
endif()
configure_file(cmake/shmeter.pc.in shmeter.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/shmeter.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
configure_package_config_file(cmake/shmeter-config.cmake.in shmeter-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/shmeter PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(shmeter-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/shmeter-config.cmake ${PROJECT_BINARY_DIR}/shmeter-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/shmeter)

# The man page of the interface is its header.
file(READ harness/include/shmeter/plugin.h header)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS harness/include/shmeter/plugin.h)
foreach(pair "\\|e" "-|-" "'|(aq" "`|(ga" "^|(ha" "~|(ti") # what troff would change
  string(REGEX MATCH "^(.)[|](.*)$" pair "${pair}")
  string(REPLACE "${CMAKE_MATCH_1}" "\\${CMAKE_MATCH_2}" header "${header}")
endforeach()
string(REGEX REPLACE "(^|\n)\\." "\\1\\\\&." header "${header}")
configure_file(cmake/shmeter_plugin.3.in shmeter_plugin.3 @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/shmeter_plugin.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)

install(FILES LICENSE README.md CHANGELOG.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES results/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/results)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs PATTERN __pycache__ EXCLUDE)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN __pycache__ EXCLUDE PATTERN build EXCLUDE)
install(PROGRAMS examples/build DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# `cpack -G DEB` and `cpack -G RPM`, in the build folder.
set(CPACK_PACKAGE_CONTACT "the shmeter authors <shmeter@example.org>")
set(CPACK_PACKAGE_VENDOR "the shmeter authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measure what sharing memory between processes costs")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gnuplot-nox | gnuplot")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gcc | c-compiler, libc6-dev | libc-dev")
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE MIT)
set(CPACK_RPM_PACKAGE_SUGGESTS gnuplot)
set(CPACK_RPM_PACKAGE_DESCRIPTION "It measures transports, locks, pages and cache lines that processes share.")
# A package only of what cmake installs, the same bytes each time; shmeter.pc alone needs no pkg-config.
string(CONCAT CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none\n%define _buildhost localhost\n"
  "%define use_source_date_epoch_as_buildtime 1\n%define clamp_mtime_to_source_date_epoch 1\n"
  "%define __requires_exclude ^/usr/bin/pkg-config$")
include(CPack)
