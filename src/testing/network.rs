//! Connects the portal and the program: requests of one are answered by the endpoint of the other,
//! in this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use poem::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use poem::http::response;
use poem::http::{Method, Uri};
use poem::{Endpoint, Request, Response, Route};
use reqwest::{ResponseBuilderExt, Url};
use tokio_util::sync::CancellationToken;

use crate::emulator::Answer;
use crate::portal::Cut;
use crate::serve::EventEndpoint;

/// The addresses of the program. It is away while a test restarts it.
#[derive(Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// The forms that the portal has posted, with their addresses.
    posted: Vec<(Uri, String)>,
}

/// A running program.
#[derive(Clone)]
struct Running {
    endpoint: Arc<EventEndpoint>,
    /// Cancelled when the program is killed.
    killed: CancellationToken,
}

impl Addresses {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves these addresses from now on.
    pub(super) fn serve(&self, endpoint: EventEndpoint) {
        self.state().running = Some(Running {
            endpoint: Arc::new(endpoint),
            killed: CancellationToken::new(),
        });
    }

    /// Ends the requests that are being answered, and refuses further ones.
    pub(super) fn kill(&self) {
        if let Some(running) = self.state().running.take() {
            running.killed.cancel();
        }
    }

    /// Answers a request. Returns `None` if the program is away.
    pub(super) async fn answer(&self, request: Request) -> Option<Response> {
        let Running { endpoint, killed } = self.state().running.clone()?;
        killed
            .run_until_cancelled(endpoint.get_response(request))
            .await
    }

    /// Answers a form that the portal posts.
    ///
    /// # Errors
    /// A sentence: the address is not one, or the program is away.
    pub(super) async fn answer_form(&self, url: &str, form: String) -> Result<Answer, String> {
        let uri: Uri = url.parse().map_err(|_| format!("`{url}` is no address"))?;
        self.state().posted.push((uri.clone(), form.clone()));
        self.post(uri, form).await
    }

    /// Posts every form again that the portal has posted so far.
    pub(super) async fn repeat(&self) {
        let posted = self.state().posted.clone();
        for (uri, form) in posted {
            let _ = self.post(uri, form).await; // the portal ignores answers as well
        }
    }

    async fn post(&self, uri: Uri, form: String) -> Result<Answer, String> {
        let host = uri.authority().map(|host| host.to_string());
        let request = Request::builder()
            .method(Method::POST)
            .uri(path_of(&uri))
            .header(HOST, host.unwrap_or_default())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = self.answer(request).await;
        let response = response.ok_or("not delivered: the program does not run")?;
        let (status, body) = (response.status().as_u16(), response.into_body());
        let body = body.into_string().await.unwrap_or_default();
        Ok(Answer { status, body })
    }
}

/// Calls the portal with a request of the program.
///
/// # Errors
/// The answer ended early.
pub(super) async fn call(
    routes: &Route,
    request: reqwest::Request,
) -> Result<reqwest::Response, Cut> {
    let url = request.url().clone();
    let mut called = Request::builder()
        .method(request.method().clone())
        .uri(Uri::try_from(url.as_str()).map_or_else(|_| Uri::default(), |uri| path_of(&uri)))
        .header(HOST, host_of(&url));
    for (name, value) in request.headers() {
        called = called.header(name, value);
    }
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let called = called.body(body.unwrap_or_default().to_vec());
    let answered = routes.get_response(called).await;
    let mut response = response::Builder::new().status(answered.status()).url(url);
    for (name, value) in answered.headers() {
        response = response.header(name, value);
    }
    let announced = answered.headers().get(CONTENT_LENGTH).cloned();
    let body = answered.into_body().into_vec().await.map_err(|_| Cut)?;
    if announced.is_some_and(|length| length.as_bytes() != body.len().to_string().as_bytes()) {
        return Err(Cut);
    }
    response.body(body).map(Into::into).map_err(|_| Cut)
}

fn path_of(uri: &Uri) -> Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse().unwrap_or_default()
}

fn host_of(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}
