#include <QCommandLineParser>
#include <QIcon>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/caught.h"
#include "ui/window/application.h"
#include "ui/window/main_window.h"
#include "ui/window/picture_maker.h"
#include "ui/window/theme.h"

namespace {

struct Arguments {
  QString path, session, pictures;
  bool demo = false;
  std::optional<bsbr::Theme> theme;
};

/// What must be known before there is an application: whether to draw without a display, and how large.
void prepare(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const QByteArray argument(argv[i]);
    if (argument == "--render" && !qEnvironmentVariableIsSet("QT_QPA_PLATFORM"))
      qputenv("QT_QPA_PLATFORM", "offscreen");
    if (argument == "--scale" && i + 1 < argc) qputenv("QT_SCALE_FACTOR", argv[i + 1]);
  }
}

/// Qt takes "--session X" away for its session manager, but leaves "--session=X".
std::vector<std::string> joined_session(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  for (std::size_t i = 1; i + 1 < arguments.size(); ++i) {
    if (arguments[i] != "--session") continue;
    arguments[i] += "=" + arguments[i + 1];
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  return arguments;
}

[[noreturn]] void refuse(const QString& what) {
  std::fprintf(stderr, "bsbr-studio: %s\n", qPrintable(what));
  std::exit(2);
}

Arguments parse(const QApplication& app) {
  QCommandLineParser parser;
  parser.setApplicationDescription(
      QApplication::tr("Converts language models to block-sparse attention with block retrieval, and shows "
                       "what that changes."));
  parser.addHelpOption();
  parser.addVersionOption();
  parser.addPositionalArgument(
      QStringLiteral("PATH"),
      QApplication::tr("A checkpoint folder, a GGUF file, the name of a model on the hub, a "
                       "session or a text; nothing: the demo"),
      QStringLiteral("[PATH]"));
  const QCommandLineOption demo(QStringLiteral("demo"), QApplication::tr("Open the demo"));
  const QCommandLineOption session(QStringLiteral("session"), QApplication::tr("Open this session"),
                                   QStringLiteral("FILE"));
  const QCommandLineOption render(QStringLiteral("render"),
                                  QApplication::tr("Write a picture of every tab to this folder and quit"),
                                  QStringLiteral("DIR"));
  const QCommandLineOption scale(QStringLiteral("scale"), QApplication::tr("Pixels a point: 1 or 2"),
                                 QStringLiteral("N"), QStringLiteral("1"));
  const QCommandLineOption theme(QStringLiteral("theme"), QApplication::tr("Colours: light or dark"),
                                 QStringLiteral("NAME"));
  parser.addOptions({demo, session, render, scale, theme});
  parser.process(app);
  Arguments arguments{parser.positionalArguments().value(0), parser.value(session), parser.value(render),
                      parser.isSet(demo), std::nullopt};
  if (parser.positionalArguments().size() > 1) refuse(QApplication::tr("only one PATH can be opened"));
  const QString colors = parser.value(theme);
  if (!colors.isEmpty() && colors != QLatin1String("light") && colors != QLatin1String("dark"))
    refuse(QApplication::tr("--theme is %1; legal: light, dark").arg(colors));
  const QString size = parser.value(scale);
  if (size != QLatin1String("1") && size != QLatin1String("2"))
    refuse(QApplication::tr("--scale is %1; legal: 1, 2").arg(size));
  if (!colors.isEmpty())
    arguments.theme = colors == QLatin1String("dark") ? bsbr::Theme::Dark : bsbr::Theme::Light;
  return arguments;
}

void begin(const Arguments& arguments, bsbr::Controller& controller, bsbr::MainWindow& window) {
  if (!arguments.session.isEmpty()) {
    window.openSession(arguments.session);
  } else if (!arguments.path.isEmpty() && !arguments.demo) {
    window.openPath(arguments.path);
  } else {
    controller.openDemo();
  }
}

int run(int argc, char** argv) {
  std::vector<std::string> arguments_kept = joined_session(argc, argv);
  std::vector<char*> pointers;
  pointers.reserve(arguments_kept.size() + 1);
  for (std::string& argument : arguments_kept) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  bsbr::Application app(count, pointers.data());
  QApplication::setOrganizationName(QStringLiteral("bsbr"));
  QApplication::setApplicationName(QStringLiteral("bsbr-studio"));
  QApplication::setApplicationDisplayName(QApplication::tr("BSBR Studio"));
  QApplication::setApplicationVersion(QStringLiteral(BSBR_VERSION));
  QApplication::setDesktopFileName(QStringLiteral("bsbr-studio"));
  QApplication::setWindowIcon(bsbr::studio_icon());
  const Arguments arguments = parse(app);
  const bool pictures = !arguments.pictures.isEmpty();
  bsbr::apply_theme(pictures && !arguments.theme ? bsbr::Theme::Light : arguments.theme);
  bsbr::Controller controller;
  bsbr::MainWindow window(controller);
  if (!pictures) window.restore();
  window.show();
  bsbr::PictureMaker maker(controller, window, arguments.pictures);
  QObject::connect(&maker, &bsbr::PictureMaker::finished, &app, [](const QString& problem) {
    if (!problem.isEmpty()) std::fprintf(stderr, "bsbr-studio: %s\n", qPrintable(problem));
    QApplication::exit(problem.isEmpty() ? 0 : 1);
  });
  begin(arguments, controller, window);
  if (pictures) maker.start();
  return QApplication::exec();
}

}  // namespace

int main(int argc, char** argv) {
  prepare(argc, argv);
  try {
    return run(argc, argv);
  } catch (...) {  // before there is a window that could tell it
    std::fprintf(stderr, "bsbr-studio: %s\n", bsbr::caught_error().what());
    return 1;
  }
}
