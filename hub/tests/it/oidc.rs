//! Coming in by a provider of identities: a real one (oidc-provider, from npm), and what a browser does.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use contract::people::{Invited, OidcBegun};
use hub::config::{Config, Oidc};
use hub::serve::start;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, StatusCode, Url};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::{FIRST, PASSWORD};
use crate::stage::{Stage, config, parsed};

/// The provider. Ends with the test.
struct Provider {
    child: Child,
    issuer: String,
    certificate: PathBuf,
    secret: PathBuf,
    files: TempDir,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Provider {
    /// Starts one that sends people back to `redirect`.
    fn start(redirect: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let put = |name: &str, text: &str| {
            let path = files.path().join(name);
            edge::file::write_durably(&path, text.as_bytes()).unwrap();
            path
        };
        let certificate = put("provider.pem", &made.cert.pem());
        let key = put("provider.key", &made.signing_key.serialize_pem());
        let secret = put("secret", "asecret:100%/+&=~\n");
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc");
        let installed = Command::new(here.join("install")).stderr(Stdio::inherit()).output().unwrap();
        assert!(installed.status.success(), "the provider cannot be installed: see above");
        let tools = String::from_utf8(installed.stdout).unwrap();
        let mut child = Command::new("node")
            .arg(here.join("provider.mjs"))
            .args([tools.trim().as_ref(), certificate.as_os_str(), key.as_os_str(), redirect.as_ref()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut issuer = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut issuer).unwrap();
        // It goes on saying things; a pipe without a reader would end it.
        std::thread::spawn(move || said.lines().for_each(drop));
        let issuer = issuer.trim().to_owned();
        assert!(issuer.starts_with("https://"), "the provider did not start: {issuer:?}");
        Self { child, issuer, certificate, secret, files }
    }

    fn told(&self) -> Oidc {
        Oidc {
            issuer: self.issuer.clone(),
            client: "suture".to_owned(),
            secret: self.secret.clone(),
            authority: Some(self.certificate.clone()),
        }
    }
}

/// Somebody's browser: it keeps cookies by origin and path, and goes where it is sent until it is sent to `stop`.
struct Browser {
    client: Client,
    jar: BTreeMap<(String, String), String>,
}

impl Browser {
    fn new(provider: &Provider) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = Certificate::from_pem(&std::fs::read(&provider.certificate).unwrap()).unwrap();
        let client = Client::builder().no_proxy().redirect(Policy::none()).tls_certs_merge([root]);
        Self { client: client.build().unwrap(), jar: BTreeMap::new() }
    }

    async fn go(&mut self, url: &Url, form: Option<&str>) -> Response {
        let origin = url.origin().ascii_serialization();
        let mine = self.jar.iter().filter(|((of, _), _)| *of == origin);
        let cookies: Vec<String> = mine.map(|((_, name), value)| format!("{name}={value}")).collect();
        let request = match form {
            Some(form) => {
                let typed = "application/x-www-form-urlencoded";
                self.client.post(url.clone()).header("content-type", typed).body(form.to_owned())
            }
            None => self.client.get(url.clone()),
        };
        // As a browser says of a link that another site's page led to.
        let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
        let answered = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for line in answered.headers().get_all("set-cookie") {
            let cookie = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.jar.insert((origin.clone(), name.to_owned()), value.to_owned());
        }
        answered
    }

    /// Begins at the hub, signs in at the provider as `login`, agrees, and gives the address that it is sent back to.
    async fn sent_back(&mut self, stage: &Stage, login: &str, invitation: Option<Value>) -> Url {
        let body = invitation.map_or(json!({}), |invitation| json!({ "invitation": invitation }));
        let begun = self.client.post(stage.url("/api/v1/oidc")).json(&body).send().await.unwrap();
        let cookie = begun.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        self.jar.insert((stage.url(""), name.to_owned()), value.to_owned());
        let OidcBegun { authorize } = parsed(begun).await;
        let mut at: Url = authorize.parse().unwrap();
        let mut form: Option<String> = None;
        for _ in 0..12 {
            let answered = self.go(&at, form.take().as_deref()).await;
            if let Some(to) = answered.headers().get("location") {
                at = at.join(to.to_str().unwrap()).unwrap();
                if at.as_str().starts_with(&stage.url("/login/back")) {
                    return at;
                }
                continue;
            }
            let page = answered.text().await.unwrap();
            let action = page.split("action=\"").nth(1).unwrap_or_else(|| panic!("{at}: {page}"));
            at = at.join(action.split('"').next().unwrap()).unwrap();
            let logs_in = page.contains("value=\"login\"");
            form = Some(if logs_in {
                format!("prompt=login&login={login}&password=x")
            } else {
                "prompt=consent".to_owned()
            });
        }
        panic!("it was sent around in a circle: {at}");
    }

    /// The hub's answer to somebody who was sent back, and whose session it opened.
    async fn back(&mut self, stage: &Stage, to: &Url) -> (StatusCode, Option<String>) {
        self.jar.remove(&(stage.url(""), "suture_session".to_owned()));
        let answered = self.go(to, None).await;
        let status = answered.status();
        let session = self.jar.get(&(stage.url(""), "suture_session".to_owned())).cloned();
        let Some(session) = session else { return (status, None) };
        let me = self.client.get(stage.url("/api/v1/me")).bearer_auth(session).send().await.unwrap();
        let me: Value = parsed(me).await;
        (status, Some(me["person"].as_str().unwrap().to_owned()))
    }
}

/// A hub with a provider that knows its address.
async fn set_up() -> (Stage, Provider) {
    let directory = tempfile::tempdir().unwrap();
    // The provider has to know where the hub is, and the hub who the provider is: so the hub's port is chosen first.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let operator = taken.local_addr().unwrap();
    let provider = Provider::start(&format!("http://{operator}/login/back"));
    drop(taken);
    let config = Config { operator, oidc: Some(provider.told()), ..config(directory.path()) };
    let running = start(&config).await.unwrap();
    (Stage::of(directory, running).await, provider)
}

async fn invitation(stage: &Stage, person: &str) -> Value {
    let new = json!({ "person": person, "role": "technician", "reach": "everywhere" });
    let made = stage.operate(reqwest::Method::POST, "/api/v1/people", Some(new)).await;
    let Invited { secret, .. } = parsed(made).await;
    json!({ "secret": secret, "person": person })
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_bound_by_an_invitation_and_comes_in_as_that_account_and_no_other() {
    let (stage, provider) = set_up().await;
    let mut browser = Browser::new(&provider);
    let page = browser.client.get(stage.url("/login")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Sign in with localhost"), "{page}");
    // The provider knows her, and nobody here is her.
    let back = browser.sent_back(&stage, "eve", None).await;
    assert_eq!(browser.back(&stage, &back).await, (StatusCode::FORBIDDEN, None));

    let invited = invitation(&stage, "ada").await;
    let mut browser = Browser::new(&provider);
    let back = browser.sent_back(&stage, "ada-at-work", Some(invited.clone())).await;
    assert_eq!(browser.back(&stage, &back).await, (StatusCode::OK, Some("ada".to_owned())));
    assert_eq!(browser.back(&stage, &back).await, (StatusCode::FORBIDDEN, None), "it worked twice");

    let mut again = Browser::new(&provider);
    let back = again.sent_back(&stage, "ada-at-work", None).await;
    assert_eq!(again.back(&stage, &back).await, (StatusCode::OK, Some("ada".to_owned())));
    // The invitation is used up, for whoever it is.
    let mut other = Browser::new(&provider);
    let back = other.sent_back(&stage, "eve", Some(invited)).await;
    assert_eq!(other.back(&stage, &back).await, (StatusCode::FORBIDDEN, None), "an invitation worked twice");
    // No password opens it, an empty one neither.
    for password in ["", PASSWORD] {
        let tried = crate::people::log_in(&stage, "ada", password, None).await.status();
        assert!(tried.is_client_error(), "{password:?}: {tried}");
    }
    let closed = json!({ "disabled": true });
    stage.operate(reqwest::Method::POST, "/api/v1/people/ada/disabled", Some(closed)).await;
    let mut closed = Browser::new(&provider);
    let back = closed.sent_back(&stage, "ada-at-work", None).await;
    assert_eq!(closed.back(&stage, &back).await, (StatusCode::FORBIDDEN, None), "a closed account is open");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_only_in_the_browser_that_began_it_and_only_with_the_providers_word() {
    let (stage, provider) = set_up().await;
    let mut hers = Browser::new(&provider);
    let invited = invitation(&stage, FIRST).await;
    let back = hers.sent_back(&stage, "jane-at-work", Some(invited)).await;
    // Her address in his browser, which has begun a login too.
    let mut his = Browser::new(&provider);
    his.sent_back(&stage, "eve", None).await;
    assert_eq!(his.back(&stage, &back).await, (StatusCode::FORBIDDEN, None), "another browser ended it");
    // A code that the provider did not give, in her browser: the login is spent.
    let mut forged = back.clone();
    let mark = back.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    forged.query_pairs_mut().clear().append_pair("code", "made-up").append_pair("state", &mark);
    assert_eq!(hers.back(&stage, &forged).await, (StatusCode::BAD_GATEWAY, None));
    assert_eq!(hers.back(&stage, &back).await, (StatusCode::FORBIDDEN, None));
    // The provider is gone, and passwords still count.
    let files = provider.files.path().to_owned();
    drop(provider);
    assert!(!files.exists());
    let stage = stage.restart().await;
    let with_password = crate::people::log_in(&stage, FIRST, PASSWORD, None).await.status();
    assert_eq!(with_password, StatusCode::OK, "a failed login at the provider changed the account");
    stage.running.stop().await;
}
