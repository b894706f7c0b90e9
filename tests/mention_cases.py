"""Sentences, and the services that each of them names."""

# Every sentence here is invented. The names that it means stand on the left, none for "-".
CASES = """
aws | aws us-east-1 is on fire again
aws | half of our lambdas time out, is AWS ok?
aws | s3.amazonaws.com gives me 503 since ten minutes
aws cloudflare | status pages of AWS and Cloudflare both green, sure
azure | Azure portal keeps spinning for the whole team
azure | microsoft azure: login impossible in west europe
google-cloud | GCP us-central1 returns 500s
cloudflare | cloudfare error 522 on every site
fastly | fastly is having a day
akamai | Akamai edge issues in Frankfurt
whatsapp | WhatsApp's not sending anything
whatsapp | whatsapppppp why
whatsapp | whatsappdown already trending lol
whatsapp | nothing works on my watsapp
whatsapp | WHATSAPP IS DOWN
whatsapp | Ｗｈａｔｓａｐｐ is down
whatsapp | 𝐖𝐡𝐚𝐭𝐬𝐀𝐩𝐩 is down
whatsapp | W​h​a​t​s​A​p​p is down
whatsapp instagram | instagram and whatsapp both dead here
facebook | FB marketplace won't open
messenger | facebook messenger does not deliver
instagram | IG stories not loading for anybody?
instagram | my insta feed is stuck since lunch
instagram | instgram keeps crashing
threads | Is Threads down? cannot post
x | is X down?
x | X is down for me in Ohio
x | cant load tweets, X broken again
x | twitter.com does not load
x | Twitter's timeline is frozen
tiktok | tik tok won't refresh
reddit | anyone else getting errors on reddit
snapchat | snap app logged me out
snapchat | my Snap streaks are gone, app not loading
discord | discord voice channels are dead
discord | Discord won't connect
telegram | telegram stuck at connecting...
signal | Signal is down? messages stay on one tick
signal | the Signal app refuses to send
slack | Is Slack down for anyone else?
slack | slack is down, early weekend
slack | our workspace on Slack will not load
slack | @SlackHQ nothing loads
microsoft-teams | Microsoft Teams kicks me out of every call
microsoft-teams | Teams is not working, meeting cancelled
outlook | outlook won't connect to the server
microsoft-365 | Office 365 login loop
zoom | Zoom down? stuck on connecting
zoom | my zoom class froze
google | google is down, what do I do
gmail | gmail error 502
google-workspace | Google Docs will not save
youtube | yt videos are not playing
youtube | YouTube's home page is blank
twitch | twitch chat is not loading
netflix | Netflix error NW-2-5 all evening
prime-video | Prime Video buffering every minute
disney-plus | disney+ is not working on the tv
max | HBO Max crashed right at the finale
hulu | Hulu's app is broken
spotify | spotify offline mode only, servers gone
spotify | spotfy keeps pausing
apple-music | apple music won't play a thing
icloud | icloud mail is unreachable
psn | PSN down on a friday of course
psn | ps5 can't sign in
xbox | xbox live keeps kicking my party
steam | Steam servers are down
steam | can't download any game, steam is offline
fortnite | fortnite login queue of an hour
roblox | roblox error 279 again
minecraft | Mojang authentication servers down
league-of-legends | LoL client crashes in champion select
battle-net | can't connect to battle.net
ea | EA servers down, no FUT tonight
amazon | amazon checkout throws an error
alexa | Alexa does not turn on my lights
ring | Ring doorbell offline since noon
ring | the Ring app shows no cameras
ring alexa aws | my Ring and Alexa are dead, AWS again
blink | blink cameras won't arm
duolingo | lost my streak, duolingo was down
canvas | Canvas is down and my essay is due
canvas | canvas won't submit my assignment
canva | canva not saving my design
notion | Notion pages don't load
github | GitHub Actions stuck in queue
npm | npm install fails with 503
docker-hub | docker pull times out everywhere
chatgpt | chat gpt is down, guess I have to think
chatgpt | chatgbt error in every answer
claude | Claude is down? api errors all day
claude | claude.ai shows a blank page
openai | OpenAI API returns 429 for everybody
venmo | venmo payment failed three times
cash-app | cashapp declined my card
paypal | PayPal checkout is broken
chase | Chase app won't let me log in
chase | can't see my balance, is chase bank down
bank-of-america | bofa app is down on payday
robinhood | robinhood won't let me sell, app frozen
coinbase | coinbase crashed, as always when btc moves
lloyds halifax | Lloyds and Halifax apps are both down, can't pay
uber | Uber app is not finding drivers
delta | Delta's website is down, can't check in for my flight
united | United app crashed at the gate, flight delayed
verizon | verizon has no service in Queens
att | AT&T outage in Dallas, phone on SOS
att | AT&amp;T outage in Dallas
t-mobile | t mobile network is gone
rogers | Rogers internet down in the whole street
spectrum | spectrum is out again, no internet
xfinity | comcast router blinking orange, no wifi
vodafone | vodafone has no network at home
starlink | starlink offline for twenty minutes
downdetector | even downdetector is down
att verizon | Verizon is fine here, AT&T is the one that fails
twilio | twillio sms not delivered
netflix | @NetflixUK nothing plays
x | @XEng posts are not loading
amazon | @AmazonHelp the app is stuck
spotify | .@SpotifyCares the app closes itself
whatsapp | #WhatsAppDown
whatsapp | #whatsappcaido otra vez
whatsapp | #WhatsAppCaiu
whatsapp | #SeCayoWhatsApp
x | #XDown
x | #X障害
line | #LINE障害
aws | #AWSOutage
aws | #awsdown again
instagram | #InstagramÇöktü
instagram | #インスタ不具合
facebook | #facebookdown
slack | #SlackDown
zoom | #ZoomDown
kakaotalk | #카카오톡먹통
whatsapp | #تعطل_واتساب
netflix | #IsNetflixDown
upi | #UPIDown
microsoft-teams | #TeamsDown
spotify | #spotify not working
whatsapp | se cayó WhatsApp
whatsapp | ¿soy yo o se cayó el wasap?
instagram | no me deja entrar a Instagram
facebook | no me carga el face, ni insta manda nada | instagram
spotify | Spotify no funciona hoy
movistar | Movistar sin señal en todo el barrio
whatsapp | o zap caiu, só eu?
whatsapp | meu whats não funciona
nubank | Nubank fora do ar
pix | o Pix não funciona no banco hoje
claro | a Claro está sem sinal, operadora péssima
vivo | Vivo Fibra caiu aqui
instagram | Instagram est en panne
sfr | plus de réseau SFR depuis ce matin
free | la Freebox ne marche plus
orange | Orange: plus d'internet, la livebox clignote
whatsapp | WhatsApp-Störung?
instagram | Instagramausfall bei euch auch?
telekom | Telekom Netz weg
zoom | Zoom-Störung heute Morgen
whatsapp | whatsapp non funziona, solo a me?
tim | TIM down, niente rete
ing | ING app doet het niet
ziggo | Ziggo ligt eruit
line | LINEが落ちてる
line | LINEの通知が来ない
x | Xが落ちてる？
x | ツイッター重い
instagram | インスタが開けない
psn | プレステの障害かな
kakaotalk | 카톡이 안 돼
kakaotalk | 나만 카톡 안되나
instagram | 인스타 먹통
youtube | 유튜브 오류 뭐야
whatsapp | واتساب معطل
whatsapp | مشكلة بالواتساب
whatsapp | واتــســاب ما يرسل
instagram | الانستقرام ما يفتح
x | تويتر طايح
instagram | Instagram'a giremiyorum
instagram | instagrama girilmiyor
whatsapp | WhatsApp çöktü mü
x | Twitter'a erişim sorunu
facebook | Facebook nie działa
messenger | awaria Messengera
blik | BLIK nie działa
jio | Jio down hai kya
phonepe | phonepe payment atak gaya
whatsapp | व्हाट्सएप डाउन है
whatsapp | WA gangguan ya? ceklis satu terus
instagram | IG error dari tadi
telkomsel | Telkomsel sinyal hilang
bca | BCA mobile ga bisa login
discord | дискорд не работает
duolingo | Duo will not load my lesson, the owl is gone
duo-security | no Duo push arrives, cannot log in to the vpn with mfa
- | The boat is down the river
- | both teams are down to ten men
- | our teams are down 2-0 at half time
- | Teams down 3-1
- | cut me some slack please
- | stop slacking, you picked up the slack
- | he will chase down the thief
- | a wild goose chase that broke me
- | the car chase crashed into the shop
- | she lost her ring in the sea
- | her wedding ring is broken
- | elden ring keeps crashing
- | my phone doesn't ring
- | zoom in on the picture
- | the camera zoom is blurry
- | no signal in the basement, internet is down
- | my signal is down to one bar
- | turn signal broken
- | a steam engine broke down
- | full steam ahead, calm down
- | Steam down 30 %
- | Target down 5% after earnings
- | Apple down 3 % today
- | apple pie is the best when you feel down
- | we missed the target
- | max verstappen crashed
- | square root of minus one
- | Times Square is closed
- | the delta variant is back
- | the Mekong delta is flooded
- | Manchester United are down to ten men
- | the United States
- | united we stand
- | my heart is broken, lol
- | wow, that plane crash
- | let's play, the kids are online
- | free pizza, my car broke down
- | kick him out, he is down bad
- | x is the unknown in this equation
- | I love you x
- | the x-ray machine is broken
- | iPhone X
- | malcolm x
- | stay in line
- | the bottom line is down
- | オンライン授業
- | ガイドライン改定
- | インスタントラーメン
- | 発達障害の話
- | 온라인 수업
- | miro la tele todo el día
- | claro que no funciona
- | en vivo desde Lima
- | ao vivo agora, caiu
- | naranja, orange
- | jus d'orange
- | une alerte orange, panne de courant
- | il signal
- | https://twitter.com/someone/status/1
- | look: www.instagram.com/p/abc
- | see github.com/foo/bar
- | write to me@gmail.com
- | @netflixfan42 hello
- | @not_spotify is my friend
- | #chasing #lineup #boxing #xmas
- | #LAX #ringo
- | snapdragon, uberfan, redditor2, zoomer
- | AWSome! Slackline and Zoomies
- | metamorphosis
- | the notion that we are down
- | render the page down
- | railway station closed, train crash
- | a medium rare steak
- | blank canvas, paint app
- | SNAP benefits outage
- | oh snap my arm is broken
- | a peacock in the garden, error of nature
- | Halifax Nova Scotia power outage
- | he is on the autism spectrum and cannot connect
- | wise words, never down
- | the box is broken
- | bing crosby sings
- | free kick! the defender is down
- | hugging a friend
- | pack 3 apples
slack | Slack threw a 500 at the whole floor
stripe | getting 500s from stripe
discord canva cloudflare | Cloudflare taking Discord and Canva down with it
steam uber | steam and uber are down at once
threads instagram facebook | facebook, instagram, threads all gone
zoom | zoom keeps kicking us
max | Max is down during the finale
frontier | Frontier restored at 10:20pm
o2 | O2 has bars again
uber | the uber app logged me out
- | running out of steam and down
- | the bell is broken
- | Uber-rich friends, never down
uber | uber no encuentra conductores hoy, error
izzi | otra vez sin izzi en la colonia
tigo | tigo sin servicio desde ayer
santander | la app de Santander sin servicio
bbva | app de BBVA España no abre
outlook | Outlook me pide contraseña a cada rato
facebook | el face se cayó
whatsapp | se cayó wsp otra vez
clave-es | Cl@ve no manda el sms
claro entel | se fueron Claro y Entel en toda la ciudad
personal | la red de Personal sin señal
stripe | Stripe rechaza todos los pagos
- | voy a instalar la lavadora, no funciona
- | le falta personal al hospital, sin servicio
- | mi hermano en Santander no tiene señal
- | claro que no funciona
- | über die Störung wird geredet, nix down
whatsapp | wa down lagi ga sih
whatsapp | wa error ga bisa kirim
whatsapp | ini wa lagi gangguan apa hp gw
dana | dana pending dari kemarin
livin-mandiri | livin sistem sibuk terus
mobile-legends | ml force close mulu
xl-axiata | XL sinyal ilang
indosat | tri lemot parah
brimo | bri error lagi
telegram | tele ga bisa kirim
whatsapp instagram | instagram, wa rontok semua
instagram | instagramnya ga kebuka
bsi-mobile | bsinya eror dari semalam
- | dana pensiun ga bisa diambil
- | belajar mandiri ga bisa fokus
- | obat 5 ml ga bisa diminum
- | hp mati, ga bisa nyala
ibercaja | la app de Ibercaja no me deja entrar
lemon-cash | Lemon no anda, no puedo pagar con la tarjeta
qris | qris error terus dari tadi
iconnet | iconnet los merah dari pagi
mypertamina | mypertamina ga bisa dibuka di spbu
touch-n-go | TNG ewallet down ke
maybank | maybank2u tak boleh login
gtbank | GTB app not opening since morning
moniepoint | moniepoint transfer failing everywhere
capitec fnb absa | capitec, fnb and absa all offline
rtve-play | RTVE Play caído en pleno partido
atresplayer | atresplayer no carga en la tele
openrouter groq | openrouter and groq both returning 502
dbs | is DBS paylah down? cannot transfer
royal-mail | Royal Mail tracking page is down
- | como nadar sin lemon juice, se cayó
- | filmin sonunda hat koptu
- | the door jamb is broken again
- | se me fue la luz en la UBA
"""

TABLE = [tuple(part.strip() for part in line.split("|")) for line in CASES.strip().splitlines()]
