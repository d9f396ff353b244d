//! A language model for tests: a real HTTP server on this machine that speaks the chat-completions
//! protocol by a script. It runs on threads of its own, so that a clock that stands still does not
//! stop it.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// The longest body of a request that is read.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What the model answers to one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A stream of events with this data, and how it ends.
    Stream(Vec<String>, Ending),
    /// A whole answer: status, further headers, media type, body.
    Whole(u16, &'static str, &'static str, String),
    /// The connection is closed without an answer.
    Closes,
    /// Nothing is answered until the client goes.
    Hangs,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    /// The connection breaks off.
    Cut,
    /// Nothing more comes until the client goes.
    Silence,
    /// The last event is repeated until the client goes.
    Endless,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The headers in lower case, one a line.
    pub(crate) headers: String,
    pub(crate) body: Value,
}

impl Asked {
    /// Returns the messages of the request.
    pub(crate) fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().expect("messages")
    }

    /// Returns the texts of the messages behind the first, which has the instructions.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let texts = self.messages().iter().skip(1);
        texts
            .map(|it| it["content"].as_str().unwrap_or(""))
            .collect()
    }

    /// Returns the names of the tools.
    pub(crate) fn tools(&self) -> Vec<&str> {
        let tools = self.body["tools"].as_array().into_iter().flatten();
        let names = tools.map(|tool| tool["function"]["name"].as_str());
        names.map(|name| name.expect("a name")).collect()
    }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

/// The server.
pub(crate) struct FakeModel {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl FakeModel {
    /// Starts a model that gives these answers, one to each request. To further requests it
    /// answers with status 500.
    pub(crate) fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let answers = answers.into_iter().collect();
        let asked = Vec::new();
        let script = Arc::new(Mutex::new(Script { answers, asked }));
        let shared = Arc::clone(&script);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&stream, &script)));
            }
        });
        Self { address, script }
    }

    /// Returns the URL of the endpoint.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().expect("no panic").asked.clone()
    }
}

/// Returns the data of an event with this part of an answer.
pub(crate) fn event(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    json!({ "object": "chat.completion.chunk", "choices": [choice] }).to_string()
}

/// Returns the events of a text, one for each word.
pub(crate) fn words(text: &str) -> Vec<String> {
    let words = text.split_inclusive(' ');
    words
        .map(|word| event(&json!({ "content": word }), None))
        .collect()
}

/// Returns an answer with this text.
pub(crate) fn says(text: &str) -> Answer {
    let mut events = words(text);
    events.push(event(&json!({}), Some("stop")));
    Answer::Stream(events, Ending::Done)
}

/// Returns an answer that begins with this text and goes on like this.
pub(crate) fn begins(text: &str, ending: Ending) -> Answer {
    Answer::Stream(words(text), ending)
}

/// Returns an answer that calls tools. The arguments come in two parts, as models send them.
pub(crate) fn calls(text: &str, tools: &[(&str, Value)]) -> Answer {
    let mut events = words(text);
    for (index, (name, arguments)) in tools.iter().enumerate() {
        let arguments = arguments
            .as_str()
            .map_or_else(|| arguments.to_string(), str::to_owned);
        let (first, rest) = arguments.split_at(arguments.len().min(1));
        let function = json!({ "name": name, "arguments": first });
        let begun = json!({ "index": index, "id": format!("c{index}"), "type": "function", "function": function });
        events.push(event(&json!({ "tool_calls": [begun] }), None));
        let more = json!({ "index": index, "function": { "arguments": rest } });
        events.push(event(&json!({ "tool_calls": [more] }), None));
    }
    events.push(event(&json!({}), Some("tool_calls")));
    Answer::Stream(events, Ending::Done)
}

/// Returns a refusal with this status and further headers, each with its line break.
pub(crate) fn refuses(status: u16, headers: &'static str) -> Answer {
    let error =
        json!({ "error": { "message": "Incorrect API key provided: sk-test", "code": status } });
    Answer::Whole(status, headers, "application/json", error.to_string())
}

fn serve(stream: &TcpStream, script: &Mutex<Script>) -> io::Result<()> {
    let asked = read(stream)?;
    let answer = {
        let mut script = script.lock().expect("no panic");
        script.asked.push(asked);
        script.answers.pop_front()
    };
    match answer.unwrap_or_else(|| refuses(500, "")) {
        Answer::Closes => Ok(()),
        Answer::Hangs => until_gone(stream),
        Answer::Whole(status, headers, media, body) => {
            whole(stream, (status, headers, media), &body)
        }
        Answer::Stream(events, ending) => events_of(stream, &events, ending),
    }
}

fn read(stream: &TcpStream) -> io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut headers, mut len) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let (name, value) = (name.to_lowercase(), value.trim());
        if name == "content-length" {
            len = value.parse().unwrap_or(0);
        }
        headers.push_str(&format!("{name}: {value}\n"));
    }
    let mut body = vec![0; len.min(BODY_BYTES_MAX)];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body)?;
    Ok(Asked {
        path,
        headers,
        body,
    })
}

fn whole(
    mut stream: &TcpStream,
    (status, headers, media): (u16, &str, &str),
    body: &str,
) -> io::Result<()> {
    let len = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Type: {media}\r\n{headers}Content-Length: {len}\r\n\r\n{body}"
    )
}

fn events_of(mut stream: &TcpStream, events: &[String], ending: Ending) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )?;
    for event in events {
        send(stream, event)?;
    }
    match ending {
        Ending::Done => {
            send(stream, "[DONE]")?;
            write!(stream, "0\r\n\r\n")
        }
        Ending::Cut => Ok(()),
        Ending::Silence => until_gone(stream),
        Ending::Endless => loop {
            send(stream, events.last().expect("an event"))?;
        },
    }
}

fn send(mut stream: &TcpStream, data: &str) -> io::Result<()> {
    let event = format!(": a comment\n\ndata: {data}\n\n");
    write!(stream, "{:x}\r\n{event}\r\n", event.len())
}

/// Waits until the client closes the connection.
fn until_gone(mut stream: &TcpStream) -> io::Result<()> {
    let mut more = [0; 64];
    while stream.read(&mut more)? > 0 {}
    Ok(())
}
