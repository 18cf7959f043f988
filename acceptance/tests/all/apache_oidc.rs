//! The shipped site file with OIDC in a running Apache, and a provider that signs in who is asked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wlcg_acceptance::apache::{Apache, OIDC_SECRET, People};
use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::Deployment;

use super::apache::{behind, changes_are_meant, needs_no_sign_in};

#[test]
fn people_sign_in_with_oidc() {
    let deployment = Deployment::new(None);
    let folder = tempfile::tempdir().unwrap();
    let _collector = behind(folder.path(), &deployment);
    let provider = Provider::start();
    let metadata = format!("{}/.well-known/openid-configuration", provider.url);
    let apache = Apache::start(folder.path(), &People::Oidc(&metadata));
    let jar = folder.path().join("cookies").display().to_string();

    // Without a session the way leads to the provider, whatever a header says.
    for header in ["X-Remote-User: officer@example.org", "X-Remote-Groups: wlcg-middleware-officers", "Accept: */*"] {
        assert_eq!(apache.curl("/", &["-H", header]).0, 302, "{header} {}", apache.log());
    }
    for (groups, expected, said) in [
        ("wlcg-middleware-officers", 200, "officer, all sites"),
        ("wlcg-everybody\",\"desy-contacts", 200, "DESY-HH"),
        ("desy-contacts\",\"wlcg-middleware-officers", 200, "officer, all sites"),
        ("wlcg-everybody", 403, "nobody has said"),
    ] {
        *provider.groups.lock().unwrap() = groups.to_owned();
        let _ = std::fs::remove_file(&jar);
        // What the browser says of its groups is thrown away before the provider's word is put there.
        let forged = ["-H", "X-Remote-Groups: wlcg-middleware-officers"];
        let browser = ["-L", "--max-redirs", "6", "-c", &jar, "-b", &jar];
        let (status, page) = apache.curl("/", &[&browser[..], &forged].concat());
        assert_eq!(status, expected, "{groups}: {page} {}", apache.log());
        assert!(page.contains("officer@example.org") && page.contains(said), "{groups}: {page}");
    }
    needs_no_sign_in(&apache);
    *provider.groups.lock().unwrap() = "wlcg-middleware-officers".to_owned();
    let _ = std::fs::remove_file(&jar);
    let browser = ["-c", &jar, "-b", &jar];
    assert_eq!(apache.curl("/", &[&["-L", "--max-redirs", "6"], &browser[..]].concat()).0, 200, "{}", apache.log());
    changes_are_meant(&apache, &browser);
    // A program with a token is not sent to the provider.
    let bearer = format!("Authorization: Bearer {}", deployment.token("reader", &[]));
    assert_eq!(apache.curl("/", &["-H", &bearer]).0, 200);
    assert_eq!(apache.curl("/", &["-H", "Authorization: Bearer wpc_0"]).0, 401);
    // Hosts are not sent anywhere.
    let sent = deployment.reporter(&apache.url()).env("SSL_CERT_FILE", apache.ca()).output().unwrap();
    assert!(sent.status.success(), "{} {}", String::from_utf8_lossy(&sent.stderr), apache.log());
}

/// An OIDC provider that signs everyone in as the officer (OpenID Connect Core 1.0, the code flow, HS256).
struct Provider {
    url: String,
    groups: Arc<Mutex<String>>,
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let groups = Arc::new(Mutex::new(String::new()));
        let provider = Provider { url: url.clone(), groups: Arc::clone(&groups) };
        std::thread::spawn(move || {
            let mut nonce = String::new();
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                let mut first = String::new();
                let mut line = String::new();
                reader.read_line(&mut first).unwrap();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let query = |name: &str| {
                    let query = path.split_once('?').unwrap_or_default().1;
                    let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
                    pair.unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
                };
                let answer = match path.split('?').next().unwrap_or_default() {
                    "/.well-known/openid-configuration" => json(&format!(
                        "{{\"issuer\":\"{url}\",\"authorization_endpoint\":\"{url}/authorize\",\"token_endpoint\":\"{url}/token\",\
                         \"jwks_uri\":\"{url}/keys\",\"response_types_supported\":[\"code\"],\"subject_types_supported\":[\"public\"],\
                         \"id_token_signing_alg_values_supported\":[\"HS256\"]}}"
                    )),
                    "/authorize" => {
                        nonce = query("nonce");
                        let back = format!("{}?code=c&state={}", query("redirect_uri"), query("state"));
                        format!(
                            "HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        )
                    }
                    "/token" => {
                        let token = id_token(&url, &nonce, &groups.lock().unwrap());
                        json(&format!("{{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"id_token\":\"{token}\"}}"))
                    }
                    _ => json("{\"keys\":[]}"),
                };
                connection.write_all(answer.as_bytes()).unwrap();
            }
        });
        provider
    }
}

fn json(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn id_token(issuer: &str, nonce: &str, groups: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let head = URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\"}");
    let claims = URL_SAFE_NO_PAD.encode(format!(
        "{{\"iss\":\"{issuer}\",\"sub\":\"1\",\"aud\":\"desk\",\"exp\":{},\"iat\":{now},\"nonce\":\"{nonce}\",\
         \"email\":\"officer@example.org\",\"groups\":[\"{groups}\"]}}",
        now + 60
    ));
    let signed = format!("{head}.{claims}");
    let signature = openssl(&["dgst", "-sha256", "-hmac", OIDC_SECRET, "-binary"], signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
