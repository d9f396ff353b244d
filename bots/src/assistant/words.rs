//! The assistant's own sentences, in the languages that imbot speaks.

use imbot::prelude::*;

use super::talk::Talk;

/// Words with which a client asks for a person, in lower case.
const OPERATOR_WORDS: &[&str] = &[
    "operator",
    "human",
    "person",
    "оператор",
    "человек",
    "mitarbeiter",
    "mensch",
    "operador",
    "persona",
    "atendente",
    "pessoa",
    "konsultant",
    "człowiek",
];

/// A language of the sentences: the place in their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    English,
    Russian,
    German,
    Spanish,
    Portuguese,
    Polish,
}

/// The sentences in the language of a portal. A language that is not among them gets English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words(Language);

/// A sentence, or the label of a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phrase {
    Hello,
    HelloClient,
    OnlyText,
    Forgotten,
    BrokenOff,
    TooLong,
    TooManySteps,
    Busy,
    NoAnswer,
    Calling,
    TaskQuestion,
    Create,
    Cancel,
    Created,
    NotCreated,
    NotConfirmed,
    Refused,
    MaybeCreated,
}

impl Words {
    pub(super) fn of(cx: &Context<Talk>) -> Self {
        Self::in_language(cx.language().unwrap_or_default())
    }

    /// Returns the sentences for a portal's code of a language. Portals have codes of their own for
    /// Spanish and Portuguese (`la`, `br`).
    fn in_language(code: &str) -> Self {
        let code = code.split(['-', '_']).next().unwrap_or_default();
        Self(match code.to_ascii_lowercase().as_str() {
            "ru" => Language::Russian,
            "de" => Language::German,
            "es" | "la" => Language::Spanish,
            "pt" | "br" => Language::Portuguese,
            "pl" => Language::Polish,
            _ => Language::English,
        })
    }

    pub(super) fn text(self, phrase: Phrase) -> &'static str {
        phrase.row()[self.0 as usize]
    }
}

/// Returns true if a client asks for a person and says nothing else.
pub(super) fn asks_for_operator(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['.', '!', '?']).to_lowercase();
    OPERATOR_WORDS.contains(&text.as_str())
}

impl Phrase {
    /// Returns it in all languages, in the order of [`Language`].
    fn row(self) -> [&'static str; 6] {
        match self {
            Self::Hello => [
                "Hello! Ask me anything. I can also look up your tasks and your colleagues. Write /new to begin a new talk.",
                "Здравствуйте! Спрашивайте о чём угодно. Я могу также найти ваши задачи и коллег. Напишите /new, чтобы начать новый разговор.",
                "Hallo! Fragen Sie mich, was Sie möchten. Ich finde auch Ihre Aufgaben und Kollegen. Mit /new beginnt ein neues Gespräch.",
                "¡Hola! Pregúnteme lo que quiera. También puedo buscar sus tareas y a sus compañeros. Escriba /new para empezar de nuevo.",
                "Olá! Pergunte o que quiser. Também posso procurar suas tarefas e seus colegas. Escreva /new para começar uma nova conversa.",
                "Dzień dobry! Proszę pytać o wszystko. Mogę też znaleźć Pana/Pani zadania i współpracowników. /new zaczyna nową rozmowę.",
            ],
            Self::HelloClient => [
                "Hello! I am an automatic assistant. Ask me anything, or write “operator” to talk to a person.",
                "Здравствуйте! Я автоматический помощник. Задайте вопрос или напишите «оператор», чтобы поговорить с человеком.",
                "Hallo! Ich bin ein automatischer Assistent. Fragen Sie mich, oder schreiben Sie „Mitarbeiter“, um mit einem Menschen zu sprechen.",
                "¡Hola! Soy un asistente automático. Pregúnteme lo que quiera, o escriba «operador» para hablar con una persona.",
                "Olá! Sou um assistente automático. Pergunte o que quiser, ou escreva “atendente” para falar com uma pessoa.",
                "Dzień dobry! Jestem automatycznym asystentem. Proszę zadać pytanie albo napisać „konsultant”, aby porozmawiać z człowiekiem.",
            ],
            Self::OnlyText => [
                "I can read text, but not files.",
                "Я умею читать текст, но не файлы.",
                "Ich kann Text lesen, aber keine Dateien.",
                "Puedo leer texto, pero no archivos.",
                "Posso ler texto, mas não arquivos.",
                "Umiem czytać tekst, ale nie pliki.",
            ],
            Self::Forgotten => [
                "This is a new talk. I have forgotten what was said before.",
                "Начнём новый разговор. Я забыл, о чём мы говорили.",
                "Das ist ein neues Gespräch. Ich habe vergessen, was vorher gesagt wurde.",
                "Esta es una conversación nueva. He olvidado lo anterior.",
                "Esta é uma nova conversa. Esqueci o que foi dito antes.",
                "To nowa rozmowa. Nie pamiętam, co było wcześniej.",
            ],
            Self::BrokenOff => [
                "The answer broke off here. Ask me again for the rest.",
                "Здесь ответ оборвался. Спросите ещё раз.",
                "Hier ist die Antwort abgebrochen. Fragen Sie mich noch einmal.",
                "La respuesta se interrumpió aquí. Pregúnteme otra vez.",
                "A resposta foi interrompida aqui. Pergunte de novo.",
                "W tym miejscu odpowiedź się urwała. Proszę zapytać ponownie.",
            ],
            Self::TooLong => [
                "The answer was too long and ends here.",
                "Ответ слишком длинный и заканчивается здесь.",
                "Die Antwort war zu lang und endet hier.",
                "La respuesta era demasiado larga y termina aquí.",
                "A resposta era longa demais e termina aqui.",
                "Odpowiedź była za długa i kończy się tutaj.",
            ],
            Self::TooManySteps => [
                "This took too many steps. Please ask for a part of it.",
                "Это заняло слишком много шагов. Спросите, пожалуйста, о чём-то одном.",
                "Das brauchte zu viele Schritte. Bitte fragen Sie nach einem Teil davon.",
                "Esto requería demasiados pasos. Pregunte por una parte, por favor.",
                "Isso exigiu passos demais. Pergunte por uma parte, por favor.",
                "To wymagało zbyt wielu kroków. Proszę zapytać o część.",
            ],
            Self::Busy => [
                "The language model has too much to do at the moment. Please ask again in a few minutes.",
                "Языковая модель сейчас перегружена. Спросите, пожалуйста, через несколько минут.",
                "Das Sprachmodell hat gerade zu viel zu tun. Bitte fragen Sie in einigen Minuten noch einmal.",
                "El modelo de lenguaje está saturado en este momento. Pregunte de nuevo en unos minutos, por favor.",
                "O modelo de linguagem está sobrecarregado no momento. Pergunte de novo em alguns minutos, por favor.",
                "Model językowy jest teraz przeciążony. Proszę zapytać ponownie za kilka minut.",
            ],
            Self::NoAnswer => [
                "I get no answer from the language model at the moment. Please ask again later.",
                "Языковая модель сейчас не отвечает. Спросите, пожалуйста, позже.",
                "Ich bekomme gerade keine Antwort vom Sprachmodell. Bitte fragen Sie später noch einmal.",
                "El modelo de lenguaje no responde en este momento. Pregunte de nuevo más tarde, por favor.",
                "O modelo de linguagem não responde no momento. Pergunte de novo mais tarde, por favor.",
                "Model językowy teraz nie odpowiada. Proszę zapytać później.",
            ],
            Self::Calling => [
                "One moment, I will call somebody for you.",
                "Минуту, я позову сотрудника.",
                "Einen Moment, ich hole jemanden für Sie.",
                "Un momento, voy a llamar a alguien.",
                "Um momento, vou chamar alguém.",
                "Chwileczkę, już kogoś proszę.",
            ],
            Self::TaskQuestion => [
                "Create this task for you?",
                "Создать вам эту задачу?",
                "Diese Aufgabe für Sie anlegen?",
                "¿Crear esta tarea para usted?",
                "Criar esta tarefa para você?",
                "Utworzyć to zadanie?",
            ],
            Self::Create => ["Create", "Создать", "Anlegen", "Crear", "Criar", "Utwórz"],
            Self::Cancel => ["No", "Нет", "Nein", "No", "Não", "Nie"],
            Self::Created => [
                "The task was created:",
                "Задача создана:",
                "Die Aufgabe ist angelegt:",
                "Se creó la tarea:",
                "A tarefa foi criada:",
                "Zadanie utworzono:",
            ],
            Self::NotCreated => [
                "No task was created.",
                "Задача не создана.",
                "Es wurde keine Aufgabe angelegt.",
                "No se creó ninguna tarea.",
                "Nenhuma tarefa foi criada.",
                "Zadania nie utworzono.",
            ],
            Self::NotConfirmed => [
                "The portal does not confirm that you may do this. Please write to me again.",
                "Портал не подтверждает, что вам это разрешено. Напишите мне, пожалуйста, ещё раз.",
                "Das Portal bestätigt nicht, dass Sie das dürfen. Bitte schreiben Sie mir noch einmal.",
                "El portal no confirma que usted pueda hacerlo. Escríbame de nuevo, por favor.",
                "O portal não confirma que você pode fazer isso. Escreva de novo, por favor.",
                "Portal nie potwierdza, że ma Pan/Pani do tego prawo. Proszę napisać do mnie ponownie.",
            ],
            Self::Refused => [
                "The portal refused to create the task.",
                "Портал отказался создать задачу.",
                "Das Portal hat die Aufgabe abgelehnt.",
                "El portal no permitió crear la tarea.",
                "O portal recusou criar a tarefa.",
                "Portal odmówił utworzenia zadania.",
            ],
            Self::MaybeCreated => [
                "I do not know whether the task was created. Please look among your tasks before you press again.",
                "Неизвестно, создана ли задача. Посмотрите, пожалуйста, в своих задачах, прежде чем нажимать ещё раз.",
                "Ich weiß nicht, ob die Aufgabe angelegt ist. Bitte sehen Sie in Ihren Aufgaben nach, bevor Sie noch einmal drücken.",
                "No sé si se creó la tarea. Mire entre sus tareas antes de pulsar otra vez, por favor.",
                "Não sei se a tarefa foi criada. Verifique suas tarefas antes de pressionar de novo, por favor.",
                "Nie wiem, czy zadanie zostało utworzone. Proszę sprawdzić swoje zadania przed ponownym naciśnięciem.",
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_chosen_by_the_portals_code() {
        let create = |code: &str| Words::in_language(code).text(Phrase::Create);
        assert_eq!(
            [create("de"), create("ru"), create("pl")],
            ["Anlegen", "Создать", "Utwórz"]
        );
        assert_eq!([create("la"), create("br")], ["Crear", "Criar"]);
        assert_eq!([create("en"), create(""), create("ja")], ["Create"; 3]);
        assert_eq!(create("pt-BR"), "Criar");
    }

    #[test]
    fn a_client_asks_for_a_person_with_one_word() {
        for text in ["operator", " Operator! ", "ОПЕРАТОР", "Mensch?"] {
            assert!(asks_for_operator(text), "{text}");
        }
        for text in ["", "an operator of cranes", "personal"] {
            assert!(!asks_for_operator(text), "{text}");
        }
    }
}
