#include "engine/base/json_file.h"
#include "engine/checkpoint/hub_cache.h"
#include "tests/hub/hub_server.h"

using bsbr::ErrorKind;
using bsbr::test::HubServer;
using bsbr::test::kCommit;
using bsbr::test::kOtherCommit;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSecret = "hf_SecretThatNobodyMaySee";

}  // namespace

/// Models that are not there or not to be had: errors say what to do, and never the token.
class TestHubRefusals : public QObject {
  Q_OBJECT
  HubServer hub_;

  /// The error of fetching, which does not hold the token.
  [[nodiscard]] std::optional<bsbr::Error> refusal(const std::string& name) const {
    auto error = bsbr::test::error_of([&] { hub_.fetch(name); });
    if (error && std::string(error->what()).find(kSecret) != std::string::npos) qFatal("the token is shown");
    return error;
  }

 private Q_SLOTS:
  void init() { hub_.reset(); }

  void missing() {
    const std::string problem =
        bsbr::test::mismatch(refusal("org/nome"), ErrorKind::NotFound,
                             {"org/nome: " + hub_.endpoint(), "no model of this name", "no such path here",
                              "check the spelling", "HF_TOKEN", hub_.endpoint() + "/settings/tokens"});
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(!fs::exists(hub_.cache()));
  }

  void gated() {
    hub_.add_model("org/gated", HubServer::small_model(), {{"gated", true}, {"token", kSecret}});
    std::string problem = bsbr::test::mismatch(
        refusal("org/gated"), ErrorKind::Io,
        {"conditions", "visit " + hub_.endpoint() + "/org/gated", "set HF_TOKEN to a token of"});
    QVERIFY2(problem.empty(), problem.c_str());
    hub_.add_model("org/gated", HubServer::small_model(), {{"gated", "refused"}, {"token", kSecret}});
    qputenv("HF_TOKEN", kSecret);
    problem = bsbr::test::mismatch(
        refusal("org/gated"), ErrorKind::Io,
        {"HTTP 403", "visit " + hub_.endpoint() + "/org/gated", "try again with HF_TOKEN"});
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(bsbr::is_to_be_fetched("org/gated"));
  }

  void badToken() {
    hub_.add_model("org/name", HubServer::small_model());
    qputenv("HF_TOKEN", kSecret);
    std::string problem =
        bsbr::test::mismatch(refusal("org/name"), ErrorKind::Io, {"does not take the token", "renew"});
    QVERIFY2(problem.empty(), problem.c_str());
    for (const QByteArray& token : {QByteArray(kSecret) + "\r\nHost: evil", QByteArray(kSecret) + " x",
                                    QByteArray(kSecret) + "\xC3\xA9", QByteArray(kSecret).repeated(1000)}) {
      qputenv("HF_TOKEN", token);
      problem = bsbr::test::mismatch(refusal("org/name"), ErrorKind::InvalidArgument,
                                     {"HF_TOKEN: holds something other"});
      QVERIFY2(problem.empty(), problem.c_str());
    }
  }

  void fileHasGone() {
    hub_.add_model("org/name", HubServer::small_model());
    hub_.fail("config.json", {{"status", 404}, {"headers", {{"X-Error-Code", "EntryNotFound"}}}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::NotFound, "no such file");
    hub_.fail("config.json", {{"status", 451}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::Io, "refuses (HTTP 451)");
  }

  /// The token does not follow, wherever a redirect leads.
  void redirects() {
    hub_.add_model("org/name", HubServer::small_model(), {{"token", kSecret}});
    qputenv("HF_TOKEN", kSecret);
    hub_.fail("config.json", {{"redirect", "http://127.0.0.1:{cdn}/anything"}});
    (void)refusal("org/name");
    hub_.fail("config.json", {{"redirect", "http://localhost:{hub}/org/name/resolve/x/config.json"}});
    (void)refusal("org/name");
    hub_.fail("config.json", {{"redirect", "//127.0.0.1:{cdn}/relative"}});
    (void)refusal("org/name");
    int elsewhere = 0;
    for (const auto& request : hub_.requests()) {
      const bool cdn = request["server"] == "cdn";
      elsewhere += cdn;
      if (cdn || request["path"] == "/org/name/resolve/x/config.json")
        QVERIFY(request["authorization"].is_null());
    }
    QCOMPARE(elsewhere, 2);
    QCOMPARE(hub_.requests("/resolve/x/").size(), std::size_t(1));
  }

  void strangeRedirects_data() {
    QTest::addColumn<QByteArray>("to");
    for (const char* to :
         {"ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1/", "http://", "javascript:x"})
      QTest::newRow(to) << QByteArray(to);
  }
  void strangeRedirects() {
    QFETCH(QByteArray, to);
    hub_.add_model("org/name", HubServer::small_model());
    hub_.fail("config.json", {{"redirect", to.toStdString()}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::Io, "not safe to follow");
  }

  void endlessRedirects() {
    hub_.add_model("org/name", HubServer::small_model());
    hub_.fail("config.json", {{"redirect", "/org/name/resolve/main/config.json"}, {"times", 1000}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::Io, "redirects more than 10 times");
    QVERIFY(hub_.requests().size() < 20);
  }

  void hugeListing() {
    hub_.add_model("org/name", HubServer::small_model(),
                   {{"listing", {{"padding", std::string(40'000'000, 'x')}}}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::InvalidFile, "more than 32 MiB");
  }

  void unreachable() {
    qputenv("HF_ENDPOINT", "http://user:secret@127.0.0.1:9");  // discard
    const auto error = refusal("org/name");
    const std::string problem = bsbr::test::mismatch(
        error, ErrorKind::Io, {"http://127.0.0.1:9 cannot be reached", "check the network", "tried 3 times"});
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(std::string(error->what()).find("secret") == std::string::npos);
    qputenv("HF_ENDPOINT", "https://huggingface.invalid");
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::Io, "https://huggingface.invalid cannot be reached");
  }

  /// Without the network, what the cache has is enough where it can be opened.
  void unreachableButCached() {
    hub_.add_model("org/name", HubServer::small_model());
    hub_.fetch(bsbr::cat("org/name@", kCommit));
    fs::remove(bsbr::find_hub_snapshot("org/name") / "tokenizer.json");
    QVERIFY(bsbr::is_to_be_fetched("org/name"));
    hub_.fail("api/models", {{"status", 451}, {"times", 2}});
    bsbr::fetch_model("org/name", {});
    fs::remove(bsbr::find_hub_snapshot("org/name") / "config.json");
    EXPECT_ERROR(bsbr::fetch_model("org/name", {}), ErrorKind::Io, "HTTP 451");
    QCOMPARE(hub_.requests("api/models").size(), std::size_t(3));
  }

  void endpoints_data() {
    QTest::addColumn<QByteArray>("endpoint");
    for (const char* bad :
         {"huggingface.co", "ftp://huggingface.co", "http://", "https://a b", "http://h/?q", "file:///"})
      QTest::newRow(bad) << QByteArray(bad);
  }
  void endpoints() {
    QFETCH(QByteArray, endpoint);
    qputenv("HF_ENDPOINT", endpoint);
    EXPECT_ERROR((void)HubServer::settings(), ErrorKind::InvalidArgument,
                 "HF_ENDPOINT is not the address of a hub");
  }
  void defaultEndpoint() {
    qunsetenv("HF_ENDPOINT");
    QCOMPARE(HubServer::settings().endpoint, std::string("https://huggingface.co"));
    qputenv("HF_ENDPOINT", "https://mirror.example/hub//");
    QCOMPARE(HubServer::settings().endpoint, std::string("https://mirror.example/hub"));
  }

  void proxy() {
    hub_.add_model("org/name", HubServer::small_model());
    qputenv("HF_ENDPOINT", "http://hub.invalid");
    qputenv("http_proxy", hub_.endpoint().c_str());
    (void)refusal("org/name");  // the server is no proxy, but it is the one that was asked
    qunsetenv("http_proxy");
    QVERIFY(!hub_.requests("http://hub.invalid/api/models/org/name").empty());
  }

  void certificates() {
    const bsbr::test::TempFolder folder;
    const std::string key = folder / "key.pem", certificate = folder / "certificate.pem",
                      both = folder / "both.pem";
    QProcess openssl;
    openssl.start("openssl", {"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                              "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                              key.c_str(), "-out", certificate.c_str()});
    QVERIFY(openssl.waitForFinished(30'000));
    QCOMPARE(openssl.exitCode(), 0);
    bsbr::test::write_file(both,
                           bsbr::read_text_file(key, 1 << 20) + bsbr::read_text_file(certificate, 1 << 20));
    HubServer hub(both);
    hub.add_model("org/name", HubServer::small_model());
    qputenv("HF_ENDPOINT", hub.tls().c_str());
    EXPECT_ERROR(hub.fetch("org/name"), ErrorKind::Io, "certificate is not trusted", "SSL_CERT_FILE");
    QVERIFY(hub.requests().empty());
    qputenv("SSL_CERT_FILE", certificate.c_str());
    // Large files lie at a host without TLS here, and that is not followed.
    EXPECT_ERROR(hub.fetch("org/name"), ErrorKind::Io,
                 hub.tls() + ": redirects to an address that is not safe");
    QVERIFY(hub.requests("config.json").size() == 1);
  }
};

QTEST_GUILESS_MAIN(TestHubRefusals)
#include "test_hub_refusals.moc"
