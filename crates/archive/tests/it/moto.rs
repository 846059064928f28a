//! An S3 server of our own for one test, and somebody who tampers with what it holds.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method, Response};

/// A running moto. Ends with the test.
pub(crate) struct Moto {
    child: Child,
    pub(crate) url: String,
    client: Client,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    /// Starts one on a free port. Where moto cannot be installed the test is red, and says why.
    pub(crate) fn start() -> Self {
        Self::start_on(0)
    }

    pub(crate) fn start_on(port: u16) -> Self {
        // Found from this file, since the hub's tests use it as well.
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let script = here.map(|d| d.join("crates/archive/tests/moto/install")).find(|p| p.exists()).unwrap();
        let made = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
        assert!(made.status.success(), "the tests' S3 server cannot be installed: see above");
        let place = String::from_utf8(made.stdout).unwrap();
        let mut child = Command::new(format!("{}/bin/moto_server", place.trim()))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut said = String::new();
        let url = loop {
            let Some(line) = lines.next() else { panic!("moto ended before it listened: {said}") };
            match line.split_once("Running on ") {
                Some((_, url)) => break url.trim().to_owned(),
                None => said.push_str(&line),
            }
        };
        // It traces every request; a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { child, url, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// A request as a stranger with access to the account sends it; moto does not check the signature here.
    pub(crate) async fn tamper(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let scope = "Credential=STRANGER/20261121/us-east-1/s3/aws4_request";
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body.to_owned());
        request = request
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Asks the account's user administration, and gives its answer.
    pub(crate) async fn administer(&self, form: &str) -> String {
        let scope = "Credential=STRANGER/20261121/us-east-1/iam/aws4_request";
        let request = self.client.post(format!("{}/", self.url)).body(form.to_owned());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.text().await.unwrap()
    }

    /// From here on every signature is computed again.
    pub(crate) async fn check_signatures(&self) {
        let answer =
            self.client.post(format!("{}/moto-api/reset-auth", self.url)).body("0").send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Makes a bucket in which objects can be locked.
    pub(crate) async fn bucket(&self, name: &str) {
        let headers = [("x-amz-bucket-object-lock-enabled", "true")];
        let made = self.tamper(Method::PUT, &format!("/{name}"), &headers, "").await;
        assert!(made.status().is_success(), "{made:?}");
    }
}
