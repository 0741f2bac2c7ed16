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
  install(FILES ${PROJECT_BINARY_DIR}/shmeter.zsh RENAME _shmeter DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${PROJECT_BINARY_DIR}/shmeter.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

# What the program looks for at run time, relative to itself.
install(FILES results/thresholds.ini DESTINATION ${CMAKE_INSTALL_DATADIR}/shmeter)
install(DIRECTORY plots DESTINATION ${CMAKE_INSTALL_DATADIR}/shmeter)

# What a plug-in is compiled with.
install(FILES ${SHMETER_PLUGIN_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/shmeter)
configure_file(cmake/shmeter.pc.in shmeter.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/shmeter.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
configure_package_config_file(cmake/shmeter-config.cmake.in shmeter-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/shmeter PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(shmeter-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/shmeter-config.cmake ${PROJECT_BINARY_DIR}/shmeter-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/shmeter)

install(FILES LICENSE README.md CHANGELOG.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES results/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/results)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs PATTERN __pycache__ EXCLUDE)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN __pycache__ EXCLUDE PATTERN build EXCLUDE)
install(PROGRAMS examples/build DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# `cpack -G DEB` and `cpack -G RPM`, in the build folder.
set(CPACK_PACKAGE_CONTACT "the authors of shmeter <shmeter@localhost>")
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
include(CPack)
