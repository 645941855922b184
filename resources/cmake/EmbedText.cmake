# bsbr_embed_text(OUT HEADER NAME FILES...): a C++ source that defines, as HEADER declares it,
#   const std::vector<bsbr::TextFile>& bsbr::NAME()
# with name and text of each file. Configures again when one of them changes.
function(bsbr_embed_text out header name)
  set(entries "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    get_filename_component(base ${file} NAME)
    string(APPEND entries "      {\"${base}\", R\"___(${text})___\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"#include \"@header@\"

namespace bsbr {

const std::vector<TextFile>& @name@() {
  static const std::vector<TextFile> files{
@entries@  };
  return files;
}

}  // namespace bsbr
")
endfunction()
