use plantain_media::compose::{self, SceneRules};
use plantain_media::picture::*;
use plantain_media::preset::Presets;
fn jpeg(path:&str)->Picture{
    let b=std::fs::read(path).unwrap();
    let mut d=zune_jpeg::JpegDecoder::new(std::io::Cursor::new(b));
    let px=d.decode().unwrap(); let i=d.info().unwrap();
    Picture::new(i.width as u32,i.height as u32,px)
}
fn mask(path:&str)->Matte{
    let d=png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    let mut r=d.read_info().unwrap(); let mut b=vec![0;r.output_buffer_size().unwrap()];
    let i=r.next_frame(&mut b).unwrap(); b.truncate(i.buffer_size());
    Matte::new(i.width,i.height,b)
}
fn save(path:&str,p:&Picture){
    use fast_image_resize as f;
    let from=f::images::ImageRef::new(p.width(),p.height(),p.rgb(),f::PixelType::U8x3).unwrap();
    let s=900.0/p.width().max(p.height()) as f64;
    let (w,h)=((p.width() as f64*s) as u32,(p.height() as f64*s) as u32);
    let mut to=f::images::Image::new(w,h,f::PixelType::U8x3);
    f::Resizer::new().resize(&from,&mut to,None).unwrap();
    let mut e=png::Encoder::new(std::fs::File::create(path).unwrap(),w,h); e.set_color(png::ColorType::Rgb);
    e.write_header().unwrap().write_image_data(to.buffer()).unwrap();
}
fn main(){
    let args:Vec<String>=std::env::args().collect();
    let preset=&args[1]; let presets=Presets::builtin(); let preset=presets.get(preset).unwrap();
    for n in &args[2..]{
        let dir="/work/shared/photos";
        let picture=jpeg(&format!("{dir}/{n}.jpg")); let matte=mask(&format!("{dir}/{n}.mask.png"));
        let product=matte.bounds(128).unwrap(); let (w,h)=(picture.width(),picture.height());
        let c=Cutout{color:picture,matte,origin:Rect{x:0,y:0,width:w,height:h},photo:(w,h),product,touches_frame:false};
        for (i,s) in compose::top_three(&SceneRules::of(preset,7)).iter().enumerate(){
            let t=std::time::Instant::now();
            let r=compose::compose(&c,s);
            println!("{n} {i} {:?} up {}",t.elapsed(),r.upscaled);
            save(&format!("/work/scratch-finish/{n}_{}_{i}.png",preset.id),&r.picture);
        }
    }
}
