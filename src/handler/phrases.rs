//! The sentences of this crate that people on a portal read, in their language.
//!
//! One table. A language that is not in it gets English.

/// A language of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    English,
    Russian,
    German,
    Spanish,
    Portuguese,
    Polish,
}

impl Language {
    pub(crate) const ALL: [Self; LANGUAGES] = [
        Self::English,
        Self::Russian,
        Self::German,
        Self::Spanish,
        Self::Portuguese,
        Self::Polish,
    ];

    /// Returns the language of a portal's code, such as `de`. Portals have codes of their own for
    /// Spanish and Portuguese (`la`, `br`).
    pub(crate) fn of(code: Option<&str>) -> Self {
        let code = code.unwrap_or_default();
        let code = code.split(['-', '_']).next().unwrap_or_default();
        match code.to_ascii_lowercase().as_str() {
            "ru" => Self::Russian,
            "de" => Self::German,
            "es" | "la" => Self::Spanish,
            "pt" | "br" => Self::Portuguese,
            "pl" => Self::Polish,
            _ => Self::English,
        }
    }

    /// Returns its code for HTML.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::German => "de",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::Polish => "pl",
        }
    }
}

/// A sentence, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// A turn failed.
    Failed,
    /// A turn is tried again after a long pause.
    Delayed,
    /// A person writes more than the flood limit allows.
    TooMany,
    /// Before a command's usage.
    Usage,
    /// An argument (`{0}`) is not what was expected (`{1}`).
    WrongArgument,
    MissingArgument,
    /// An argument (`{0}`) that was not expected.
    ExtraArgument,
    Natural,
    Integer,
    Number,
    Letter,
    Boolean,
    /// An operator's message did not reach the client, for this reason (`{0}`).
    NotDelivered,
    /// A reason of [`NotDelivered`](Phrase::NotDelivered).
    MessengerAway,
    /// A reason of [`NotDelivered`](Phrase::NotDelivered): the connector's error is permanent.
    MessageRejected,
    /// The heading of the application's page.
    BotsOfApplication,
    /// Above the bots' names.
    FindBots,
    /// The heading of the page of an application without bots.
    NoBots,
    /// Below that heading.
    InBackground,
    /// A connector is joined to a line (`{0}`).
    Connected,
    /// A connector is not joined to a line (`{0}`), for this reason (`{1}`).
    NotConnected,
    /// The title of the installation page.
    Installation,
    /// The heading of the installation page.
    Installing,
    /// The installation is not finished yet.
    OneMoment,
    /// The installation is finished.
    Installed,
    /// The browser runs no scripts.
    NeedsJavaScript,
    /// The browser could not load the portal's script.
    ScriptMissing,
    /// Ends an answer that grows.
    Stop,
    /// A pressed button does not work any more.
    OutdatedButton,
    /// A pressed button is for another person.
    NotYourButton,
    /// A button that counts once was pressed again.
    ButtonDone,
    /// Goes to the question before.
    Back,
    /// Ends a form.
    Cancel,
    /// Leaves a question without an answer.
    Skip,
    Yes,
    No,
    /// A form was ended by the person.
    FormCancelled,
    /// Nobody answered a question of a form in time.
    FormTimedOut,
    /// A form has questions that it had not when it was begun.
    FormChanged,
    /// A broadcast (`{0}`) has reached some (`{1}`) of its chats (`{2}`).
    BroadcastRunning,
    /// A broadcast (`{0}`) is paused after some (`{1}`) of its chats (`{2}`).
    BroadcastPaused,
    /// A broadcast (`{0}`) is done, with the numbers of chats that got it (`{1}`), whose messages
    /// were refused (`{2}`), and that were skipped (`{3}`).
    BroadcastDone,
    /// The same of a broadcast that was cancelled.
    BroadcastCancelled,
    /// There is a broadcast of this name (`{0}`) already.
    BroadcastExists,
    /// The bot has this number (`{1}`) of broadcasts that are not finished.
    BroadcastsFull,
}

/// The number of languages.
const LANGUAGES: usize = 6;

/// The phrases, in the languages' order.
const TABLE: [(Phrase, [&str; LANGUAGES]); 45] = [
    (
        Phrase::Failed,
        [
            "Sorry, that did not work. The error has been noted.",
            "К сожалению, не получилось. Ошибка записана.",
            "Das hat leider nicht geklappt. Der Fehler wurde notiert.",
            "Lo siento, no ha funcionado. El error ha quedado registrado.",
            "Desculpe, não funcionou. O erro foi registrado.",
            "Niestety coś poszło nie tak. Błąd został zapisany.",
        ],
    ),
    (
        Phrase::Delayed,
        [
            "This takes longer than usual. Please wait, I will try again.",
            "Это займёт больше времени, чем обычно. Подождите, пожалуйста, я попробую ещё раз.",
            "Das dauert länger als sonst. Bitte warten, ich versuche es noch einmal.",
            "Esto tarda más de lo habitual. Espera, por favor, lo intentaré de nuevo.",
            "Isto está demorando mais do que o normal. Aguarde, por favor, vou tentar de novo.",
            "To trwa dłużej niż zwykle. Proszę czekać, spróbuję ponownie.",
        ],
    ),
    (
        Phrase::TooMany,
        [
            "That was a lot at once. Please wait a little; until then I do not read along.",
            "Слишком много сообщений сразу. Подождите немного, пока я их не читаю.",
            "Das war viel auf einmal. Bitte etwas warten, bis dahin lese ich nicht mit.",
            "Son demasiados mensajes de una vez. Espera un poco, mientras tanto no los leo.",
            "Foram muitas mensagens de uma vez. Espere um pouco, até lá não as leio.",
            "To za dużo naraz. Proszę chwilę zaczekać, do tego czasu nie czytam wiadomości.",
        ],
    ),
    (
        Phrase::Usage,
        [
            "Usage:",
            "Использование:",
            "Aufruf:",
            "Uso:",
            "Uso:",
            "Użycie:",
        ],
    ),
    (
        Phrase::WrongArgument,
        [
            "“{0}” is not {1}.",
            "Ожидается {1}, а не «{0}».",
            "Erwartet wird {1}, nicht „{0}“.",
            "Se esperaba {1}, no «{0}».",
            "Esperava-se {1}, não “{0}”.",
            "Oczekiwano: {1}, a nie „{0}”.",
        ],
    ),
    (
        Phrase::MissingArgument,
        [
            "Something is missing at the end.",
            "В конце чего-то не хватает.",
            "Am Ende fehlt etwas.",
            "Falta algo al final.",
            "Falta algo no final.",
            "Na końcu czegoś brakuje.",
        ],
    ),
    (
        Phrase::ExtraArgument,
        [
            "“{0}” is too much.",
            "«{0}» здесь лишнее.",
            "„{0}“ ist zu viel.",
            "«{0}» sobra.",
            "“{0}” está sobrando.",
            "„{0}” jest zbędne.",
        ],
    ),
    (
        Phrase::Natural,
        [
            "a whole number, zero or more",
            "целое число, ноль или больше",
            "eine ganze Zahl ab null",
            "un número entero, cero o mayor",
            "um número inteiro, zero ou maior",
            "liczba całkowita, zero lub więcej",
        ],
    ),
    (
        Phrase::Integer,
        [
            "a whole number",
            "целое число",
            "eine ganze Zahl",
            "un número entero",
            "um número inteiro",
            "liczba całkowita",
        ],
    ),
    (
        Phrase::Number,
        [
            "a number",
            "число",
            "eine Zahl",
            "un número",
            "um número",
            "liczba",
        ],
    ),
    (
        Phrase::Letter,
        [
            "a single letter",
            "одна буква",
            "ein einzelner Buchstabe",
            "una sola letra",
            "uma única letra",
            "pojedyncza litera",
        ],
    ),
    (
        Phrase::Boolean,
        [
            "true or false",
            "true или false",
            "true oder false",
            "true o false",
            "true ou false",
            "true albo false",
        ],
    ),
    (
        Phrase::NotDelivered,
        [
            "Not delivered to the client: {0}",
            "Клиенту не доставлено: {0}",
            "Nicht an den Kunden zugestellt: {0}",
            "No se ha entregado al cliente: {0}",
            "Não entregue ao cliente: {0}",
            "Nie dostarczono do klienta: {0}",
        ],
    ),
    (
        Phrase::MessengerAway,
        [
            "the messenger could not be reached for a day",
            "мессенджер был недоступен в течение суток",
            "der Messenger war einen Tag lang nicht erreichbar",
            "el servicio de mensajería no estuvo disponible durante un día",
            "o serviço de mensagens ficou inacessível por um dia",
            "komunikator był nieosiągalny przez dobę",
        ],
    ),
    (
        Phrase::MessageRejected,
        [
            "the messenger cannot deliver this message",
            "мессенджер не может доставить это сообщение",
            "der Messenger kann diese Nachricht nicht zustellen",
            "el servicio de mensajería no puede entregar este mensaje",
            "o serviço de mensagens não consegue entregar esta mensagem",
            "komunikator nie może dostarczyć tej wiadomości",
        ],
    ),
    (
        Phrase::Connected,
        [
            "Connected to line {0}.",
            "Подключено к линии {0}.",
            "Mit dem Kanal {0} verbunden.",
            "Conectado a la línea {0}.",
            "Conectado à linha {0}.",
            "Połączono z linią {0}.",
        ],
    ),
    (
        Phrase::NotConnected,
        [
            "Not connected to line {0}: {1}",
            "Не подключено к линии {0}: {1}",
            "Nicht mit dem Kanal {0} verbunden: {1}",
            "No conectado a la línea {0}: {1}",
            "Não conectado à linha {0}: {1}",
            "Brak połączenia z linią {0}: {1}",
        ],
    ),
    (
        Phrase::BotsOfApplication,
        [
            "Bots of this application",
            "Боты этого приложения",
            "Bots dieser Anwendung",
            "Bots de esta aplicación",
            "Bots deste aplicativo",
            "Boty tej aplikacji",
        ],
    ),
    (
        Phrase::FindBots,
        [
            "Find them in the messenger by name:",
            "Найдите их в мессенджере по имени:",
            "Sie finden sie im Messenger unter diesem Namen:",
            "Búscalos en el messenger por su nombre:",
            "Encontre-os no messenger pelo nome:",
            "Znajdziesz je w komunikatorze po nazwie:",
        ],
    ),
    (
        Phrase::NoBots,
        [
            "This application has no bots",
            "У этого приложения нет ботов",
            "Diese Anwendung hat keine Bots",
            "Esta aplicación no tiene bots",
            "Este aplicativo não tem bots",
            "Ta aplikacja nie ma botów",
        ],
    ),
    (
        Phrase::InBackground,
        [
            "It works in the background.",
            "Оно работает в фоновом режиме.",
            "Sie arbeitet im Hintergrund.",
            "Funciona en segundo plano.",
            "Ele funciona em segundo plano.",
            "Działa w tle.",
        ],
    ),
    (
        Phrase::Installation,
        [
            "Installation",
            "Установка",
            "Installation",
            "Instalación",
            "Instalação",
            "Instalacja",
        ],
    ),
    (
        Phrase::Installing,
        [
            "The application is being installed",
            "Приложение устанавливается",
            "Die Anwendung wird installiert",
            "La aplicación se está instalando",
            "O aplicativo está sendo instalado",
            "Aplikacja jest instalowana",
        ],
    ),
    (
        Phrase::OneMoment,
        [
            "One moment…",
            "Минуту…",
            "Einen Moment…",
            "Un momento…",
            "Um momento…",
            "Chwileczkę…",
        ],
    ),
    (
        Phrase::Installed,
        [
            "Done. The bots are in your chats.",
            "Готово. Боты уже в ваших чатах.",
            "Fertig. Die Bots sind in Ihren Chats.",
            "Listo. Los bots están en tus chats.",
            "Pronto. Os bots estão nos seus chats.",
            "Gotowe. Boty są w Twoich czatach.",
        ],
    ),
    (
        Phrase::NeedsJavaScript,
        [
            "This page needs JavaScript to report to the portal that the installation is finished.",
            "Этой странице нужен JavaScript, чтобы сообщить порталу о завершении установки.",
            "Diese Seite braucht JavaScript, um dem Portal zu melden, dass die Installation fertig ist.",
            "Esta página necesita JavaScript para informar al portal de que la instalación ha terminado.",
            "Esta página precisa de JavaScript para informar ao portal que a instalação terminou.",
            "Ta strona wymaga JavaScriptu, aby zgłosić portalowi zakończenie instalacji.",
        ],
    ),
    (
        Phrase::ScriptMissing,
        [
            "The portal’s script did not load, so the installation cannot be finished. Reload this page.",
            "Скрипт портала не загрузился, поэтому установку нельзя завершить. Обновите эту страницу.",
            "Das Skript des Portals wurde nicht geladen, daher kann die Installation nicht abgeschlossen werden. Laden Sie diese Seite neu.",
            "El script del portal no se cargó, por lo que no se puede terminar la instalación. Recarga esta página.",
            "O script do portal não foi carregado, portanto a instalação não pode ser concluída. Recarregue esta página.",
            "Skrypt portalu nie został wczytany, więc nie można zakończyć instalacji. Odśwież tę stronę.",
        ],
    ),
    (
        Phrase::Stop,
        ["Stop", "Стоп", "Stopp", "Parar", "Parar", "Stop"],
    ),
    (
        Phrase::OutdatedButton,
        [
            "This button does not work any more.",
            "Эта кнопка больше не работает.",
            "Diese Schaltfläche funktioniert nicht mehr.",
            "Este botón ya no funciona.",
            "Este botão não funciona mais.",
            "Ten przycisk już nie działa.",
        ],
    ),
    (
        Phrase::NotYourButton,
        [
            "This button is for somebody else.",
            "Эта кнопка для другого человека.",
            "Diese Schaltfläche ist für jemand anderen.",
            "Este botón es para otra persona.",
            "Este botão é para outra pessoa.",
            "Ten przycisk jest dla kogoś innego.",
        ],
    ),
    (
        Phrase::ButtonDone,
        [
            "That is already done.",
            "Это уже сделано.",
            "Das ist schon erledigt.",
            "Eso ya está hecho.",
            "Isso já foi feito.",
            "To już zostało zrobione.",
        ],
    ),
    (
        Phrase::Back,
        ["Back", "Назад", "Zurück", "Atrás", "Voltar", "Wstecz"],
    ),
    (
        Phrase::Cancel,
        [
            "Cancel",
            "Отмена",
            "Abbrechen",
            "Cancelar",
            "Cancelar",
            "Anuluj",
        ],
    ),
    (
        Phrase::Skip,
        [
            "Skip",
            "Пропустить",
            "Überspringen",
            "Omitir",
            "Pular",
            "Pomiń",
        ],
    ),
    (Phrase::Yes, ["Yes", "Да", "Ja", "Sí", "Sim", "Tak"]),
    (Phrase::No, ["No", "Нет", "Nein", "No", "Não", "Nie"]),
    (
        Phrase::FormCancelled,
        [
            "Cancelled.",
            "Отменено.",
            "Abgebrochen.",
            "Cancelado.",
            "Cancelado.",
            "Anulowano.",
        ],
    ),
    (
        Phrase::FormTimedOut,
        [
            "I stopped asking, since no answer came. Write to me to start again.",
            "Ответа не было, поэтому я больше не спрашиваю. Напишите мне, чтобы начать сначала.",
            "Es kam keine Antwort, daher frage ich nicht weiter. Schreiben Sie mir, um neu zu beginnen.",
            "No hubo respuesta, así que dejé de preguntar. Escríbeme para empezar de nuevo.",
            "Não houve resposta, então parei de perguntar. Escreva para mim para começar de novo.",
            "Nie było odpowiedzi, więc przestaję pytać. Napisz do mnie, aby zacząć od nowa.",
        ],
    ),
    (
        Phrase::FormChanged,
        [
            "The questions have changed, so we start again.",
            "Вопросы изменились, поэтому начнём сначала.",
            "Die Fragen haben sich geändert, daher beginnen wir von vorn.",
            "Las preguntas han cambiado, así que empezamos de nuevo.",
            "As perguntas mudaram, então começamos de novo.",
            "Pytania się zmieniły, więc zaczynamy od nowa.",
        ],
    ),
    (
        Phrase::BroadcastRunning,
        [
            "“{0}”: {1} of {2} chats…",
            "«{0}»: {1} из {2} чатов…",
            "„{0}“: {1} von {2} Chats …",
            "«{0}»: {1} de {2} chats…",
            "“{0}”: {1} de {2} conversas…",
            "„{0}”: {1} z {2} czatów…",
        ],
    ),
    (
        Phrase::BroadcastPaused,
        [
            "“{0}” is paused: {1} of {2} chats.",
            "«{0}» приостановлена: {1} из {2} чатов.",
            "„{0}“ ist angehalten: {1} von {2} Chats.",
            "«{0}» está en pausa: {1} de {2} chats.",
            "“{0}” está em pausa: {1} de {2} conversas.",
            "„{0}” jest wstrzymane: {1} z {2} czatów.",
        ],
    ),
    (
        Phrase::BroadcastDone,
        [
            "“{0}” is done: {1} sent, {2} refused, {3} skipped.",
            "«{0}» завершена: отправлено {1}, отклонено {2}, пропущено {3}.",
            "„{0}“ ist fertig: {1} gesendet, {2} abgelehnt, {3} ausgelassen.",
            "«{0}» ha terminado: {1} enviados, {2} rechazados, {3} omitidos.",
            "“{0}” terminou: {1} enviadas, {2} recusadas, {3} ignoradas.",
            "„{0}” zakończono: wysłano {1}, odrzucono {2}, pominięto {3}.",
        ],
    ),
    (
        Phrase::BroadcastCancelled,
        [
            "“{0}” was cancelled: {1} sent, {2} refused, {3} skipped.",
            "«{0}» отменена: отправлено {1}, отклонено {2}, пропущено {3}.",
            "„{0}“ wurde abgebrochen: {1} gesendet, {2} abgelehnt, {3} ausgelassen.",
            "«{0}» se ha cancelado: {1} enviados, {2} rechazados, {3} omitidos.",
            "“{0}” foi cancelada: {1} enviadas, {2} recusadas, {3} ignoradas.",
            "„{0}” anulowano: wysłano {1}, odrzucono {2}, pominięto {3}.",
        ],
    ),
    (
        Phrase::BroadcastExists,
        [
            "There is a broadcast “{0}” already. Choose another name.",
            "Рассылка «{0}» уже есть. Выберите другое название.",
            "Es gibt schon eine Rundsendung „{0}“. Bitte einen anderen Namen wählen.",
            "Ya existe un envío «{0}». Elige otro nombre.",
            "Já existe um envio “{0}”. Escolha outro nome.",
            "Wysyłka „{0}” już istnieje. Wybierz inną nazwę.",
        ],
    ),
    (
        Phrase::BroadcastsFull,
        [
            "There are {1} broadcasts that are not finished. Wait for one, or cancel one.",
            "Не завершено рассылок: {1}. Дождитесь одной из них или отмените её.",
            "{1} Rundsendungen sind noch nicht fertig. Bitte auf eine warten oder eine abbrechen.",
            "Hay {1} envíos sin terminar. Espera a que acabe uno o cancélalo.",
            "Há {1} envios não concluídos. Aguarde um deles ou cancele-o.",
            "Niezakończone wysyłki: {1}. Poczekaj na jedną z nich albo ją anuluj.",
        ],
    ),
];

impl Phrase {
    /// Returns the phrase in a language.
    pub(crate) fn text(self, language: Language) -> &'static str {
        let row = TABLE.iter().find(|(phrase, _)| *phrase == self);
        row.map_or("", |(_, texts)| texts[language as usize])
    }

    /// Returns true if a text is the phrase in a language or in English, whatever its case.
    pub(crate) fn is_meant(self, text: &str, language: Language) -> bool {
        let text = text.trim().to_lowercase();
        [language, Language::English]
            .into_iter()
            .any(|language| self.text(language).to_lowercase() == text)
    }

    /// Returns the phrase in a language, with these values in place of `{0}` and `{1}`.
    pub(crate) fn with(self, language: Language, values: &[&str]) -> String {
        let mut text = String::new();
        let mut rest = self.text(language);
        while let Some((before, after)) = rest.split_once('{') {
            let (number, after) = after.split_once('}').unwrap_or((after, ""));
            let value = number.parse().ok().and_then(|n: usize| values.get(n));
            text.push_str(before);
            text.push_str(value.copied().unwrap_or_default());
            rest = after;
        }
        text + rest
    }
}

/// Returns a text in a language, if it is a phrase in English; otherwise as it is.
pub(crate) fn translated(english: &str, language: Language) -> &str {
    let row = TABLE.iter().find(|(_, texts)| texts[0] == english);
    row.map_or(english, |(_, texts)| texts[language as usize])
}

#[cfg(test)]
mod tests {
    use crate::handler::phrases::*;

    #[test]
    fn every_phrase_has_its_values_in_every_language() {
        for (phrase, texts) in TABLE {
            for text in texts {
                assert!(!text.is_empty());
                for value in ["{0}", "{1}"] {
                    let has = |text: &str| text.contains(value);
                    assert_eq!(has(text), has(texts[0]), "{phrase:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_portals_code_selects_the_language() {
        for (code, language) in [
            (Some("ru"), Language::Russian),
            (Some("la"), Language::Spanish),
            (Some("br"), Language::Portuguese),
            (Some("pt-BR"), Language::Portuguese),
            (Some("DE"), Language::German),
            (Some("ja"), Language::English),
            (None, Language::English),
        ] {
            assert_eq!(Language::of(code), language, "{code:?}");
        }
    }

    #[test]
    fn values_are_put_where_a_language_has_them_and_are_not_read_as_places() {
        let with = |language| Phrase::WrongArgument.with(language, &["{1}", "7"]);
        assert_eq!(with(Language::English), "“{1}” is not 7.");
        assert_eq!(with(Language::German), "Erwartet wird 7, nicht „{1}“.");
        assert_eq!(translated("a number", Language::Polish), "liczba");
        assert_eq!(translated("a colour", Language::Polish), "a colour");
    }
}
