//! Who may call: applications, the inbound webhook, and the rows that say which event goes where.

/// An application made in the portal, as "Developer resources > Local application" makes it.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// Sent with every event; stable for the installation.
    pub(crate) application_token: String,
    pub(crate) title: String,
    pub(crate) handler: String,
    pub(crate) install: String,
    /// Shows a page in a frame; otherwise it uses the API only.
    pub(crate) interface: bool,
    /// Comma separated, as `auth[scope]` carries it.
    pub(crate) scope: String,
    /// No event leaves before the installation is finished.
    pub(crate) installed: bool,
}

/// The owner of a bot, a command or a subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// An OAuth application, by its client id.
    App(String),
    /// Whoever calls through an inbound webhook: version 1 by its `CLIENT_ID`, version 2 by `custom` and its `botToken`.
    Webhook(String),
}

/// A row of `b_rest_event`: the event, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// `event_handler_id`: names the row, not the occurrence.
    pub(crate) id: u64,
    pub(crate) owner: Owner,
    /// Upper case.
    pub(crate) event: String,
    /// Empty if the event is kept rather than posted.
    pub(crate) url: String,
    /// The user whose tokens the event carries; `0` for whoever caused it.
    pub(crate) user: u64,
    pub(crate) way: Way,
}

/// How an event goes to its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is posted. `ONOFFLINEEVENT` is posted no sooner than this many seconds after the one before.
    Online { min_timeout: i64 },
    /// It is kept until the application fetches it, in the queue of this source; the queue without one is empty text.
    Offline { source: String },
}

impl Subscription {
    /// The source in whose queue the events are kept; none if they are posted.
    pub(crate) fn source(&self) -> Option<&str> {
        match &self.way {
            Way::Online { .. } => None,
            Way::Offline { source } => Some(source),
        }
    }
}

impl Way {
    /// What a subscription is that says nothing of it.
    pub(crate) const PLAIN: Way = Way::Online { min_timeout: 1 };
}

/// The inbound webhook that every portal here is born with.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) user: u64,
    pub(crate) secret: String,
}

impl App {
    /// Whether the application was granted this scope.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        scope.is_empty() || self.scope.split(',').any(|granted| granted.trim() == scope)
    }
}

impl super::World {
    /// The rows of one owner for one event, oldest first.
    pub(crate) fn rows(&self, owner: &Owner, event: &str) -> Vec<Subscription> {
        let fits = |row: &&Subscription| row.owner == *owner && row.event == event;
        self.subscriptions.values().filter(fits).cloned().collect()
    }

    /// How many rows there are for an event, whoever they belong to.
    pub(crate) fn bound(&self, event: &str) -> usize {
        let rows = self.subscriptions.values();
        rows.filter(|row| row.event == event).count()
    }

    /// Adds a row, the id of which is not yet known; nothing but that tells it from an older one.
    pub(crate) fn subscribe(&mut self, row: Subscription) {
        let id = self.new_subscription_id();
        self.subscriptions.insert(id, Subscription { id, ..row });
    }

    /// Adds a row that posts an event, with the tokens of whoever causes it.
    fn post_to(&mut self, owner: &Owner, event: &str, url: &str) {
        self.subscribe(Subscription {
            id: 0,
            owner: owner.clone(),
            event: event.to_owned(),
            url: url.to_owned(),
            user: 0,
            way: Way::PLAIN,
        });
    }

    /// Adds a row for each of these events, unless there is one already.
    pub(crate) fn subscribe_once(&mut self, owner: &Owner, events: &[&str], url: &str) {
        for event in events {
            let rows = self.rows(owner, event);
            if !rows.iter().any(|row| row.url == url && row.user == 0) {
                self.post_to(owner, event, url);
            }
        }
    }

    /// Removes what an owner has subscribed to among these events.
    pub(crate) fn unsubscribe(&mut self, owner: &Owner, events: &[&str]) {
        self.subscriptions
            .retain(|_, row| row.owner != *owner || !events.contains(&row.event.as_str()));
    }

    /// Puts one row in the place of all that the owner had for this event, as bot registration of v1 does.
    pub(crate) fn resubscribe(&mut self, owner: &Owner, event: &str, url: &str) {
        self.subscriptions
            .retain(|_, row| row.owner != *owner || row.event != event);
        self.post_to(owner, event, url);
    }

    /// Whether events of this owner are sent at all.
    pub(crate) fn gets_events(&self, owner: &Owner) -> bool {
        match owner {
            Owner::App(client_id) => self.apps.get(client_id).is_some_and(|app| app.installed),
            Owner::Webhook(_) => true,
        }
    }
}
